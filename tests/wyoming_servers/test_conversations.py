from models.engine import Exchange
from wyoming_servers.conversations import MOST, MOST_EXCHANGES, SILENT_S, Conversations


def test_remembered_by_id() -> None:
    conversations = Conversations(clock=lambda: 0.0)
    conversations.recall("a").remember(Exchange("what time is it", "It is 3 PM."))
    assert conversations.recall("a").last_answer == "It is 3 PM."
    assert conversations.recall("b").last_answer is None


def test_over_after_silence() -> None:
    now = 0.0
    conversations = Conversations(clock=lambda: now)
    first = conversations.recall("a")
    now = SILENT_S - 1
    assert conversations.recall("a") is first
    now += SILENT_S - 1
    assert conversations.recall("a") is first
    now += SILENT_S
    assert conversations.recall("a") is not first


def test_what_is_over_is_let_go() -> None:
    now = 0.0
    conversations = Conversations(clock=lambda: now)
    for name in "abc":
        conversations.recall(name)
    now = SILENT_S
    conversations.recall("d")
    assert len(conversations) == 1


def test_bounded() -> None:
    conversations = Conversations(clock=lambda: 0.0)
    first = conversations.recall("0")
    for number in range(1, MOST):
        conversations.recall(str(number))
    assert conversations.recall("0") is first
    conversations.recall("one more")
    assert len(conversations) == MOST
    assert conversations.recall("0") is first
    for number in range(MOST_EXCHANGES):
        first.remember(Exchange(str(number), "b"))
    assert len(first.exchanges) == MOST_EXCHANGES
    first.remember(Exchange("one more", "b"))
    assert [one.text for one in first.exchanges][:2] == [str(MOST_EXCHANGES // 2), str(MOST_EXCHANGES // 2 + 1)]
    assert first.exchanges[-1].text == "one more"


def test_what_nobody_heard_is_forgotten() -> None:
    conversation = Conversations().recall("a")
    for text in ("one", "two", "three"):
        conversation.remember(Exchange(text, f"{text}!"))
    conversation.heard("somebody else's words")
    assert len(conversation.exchanges) == 3
    conversation.heard("two!")
    assert [one.text for one in conversation.exchanges] == ["one", "two"]
    conversation.heard("two!")
    assert conversation.last_answer == "two!"
