from models.engine import Intent
from models.intents import open_responder


def test_one_intent_or_nothing() -> None:
    responder = open_responder()
    assert responder.languages == ["en"]
    answering = responder.open(text="what time is it")
    assert answering.more() == Intent("HassGetCurrentTime", {})
    assert answering.more() is None
    assert responder.open(text="the whale was white").more() is None
