import psutil
import pytest

from models.engine import EngineError, Exchange
from models.llama.template import ChatTemplate, Continuation, template_of

pytest.importorskip("llama_cpp", reason="needs llama.cpp: script/setup --neural")

CHATML = (
    "{% for message in messages %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"
)


def chat(source: str) -> ChatTemplate:
    return ChatTemplate(source, bos="<s>", eos="</s>", model="some.gguf")


def test_chatml() -> None:
    history = [Exchange("why", "because", "It is 3 PM.")]
    assert chat(CHATML).render("Be kind.", history, Exchange("and", "", "It is 4 PM.")) == (
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\n[It is 3 PM.]\nwhy<|im_end|>\n"
        "<|im_start|>assistant\nbecause<|im_end|>\n"
        "<|im_start|>user\n[It is 4 PM.]\nand<|im_end|>\n<|im_start|>assistant\n"
    )


QWEN = (
    "{% if tools %}{{ '<|im_start|>system\n' }}"
    "{% if messages[0].role == 'system' %}{{ messages[0].content }}{% endif %}{{ '\n\n<tools>' }}"
    "{% for tool in tools %}{{ '\n' }}{{ tool | tojson }}{% endfor %}"
    "{{ '\n</tools>\n\nAnswer with <tool_call></tool_call>.<|im_end|>\n' }}{% elif messages[0].role == 'system' %}"
    "{{ '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' }}{% endif %}{% for message in messages %}"
    "{% if message.role != 'system' %}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TOOLS = [{"type": "function", "function": {"name": name, "description": "", "parameters": {}}} for name in ("A1", "B2")]


def test_tools_are_told_of_by_a_template_that_knows_how() -> None:
    template = ChatTemplate(QWEN, bos="", eos="", model="some.gguf", tools=TOOLS)
    assert template.tells_of_tools
    text = template.render("Be kind.", [], Exchange("and", ""))
    assert text.startswith("<|im_start|>system\nBe kind.\n\n<tools>")
    assert text.count('"name": "A1"') == text.count('"name": "B2"') == 1
    assert not chat(QWEN).tells_of_tools


@pytest.mark.parametrize(
    "source",
    [
        CHATML,
        GEMMA,
        QWEN.replace("<tool_call></tool_call>", "JSON"),
        QWEN.replace("{{ tool | tojson }}", ""),
        "{% if tools %}{{ 1 / 0 }}{% endif %}" + CHATML,
        "{% if tools %}<tool_call>{{ tools }}{% else %}" + CHATML + "{% endif %}",
    ],
)
def test_tools_are_not_told_of_by_others(source: str) -> None:
    template = ChatTemplate(source, bos="<s>", eos="</s>", model="some.gguf", tools=TOOLS)
    assert not template.tells_of_tools
    last = Exchange("and", "")
    assert template.render("Be kind.", [], last) == chat(source).render("Be kind.", [], last)


def test_what_was_called_stands_before_what_came_of_it() -> None:
    history = [Exchange("why", "Done.", "", "<tool_call>\n{}\n</tool_call>")]
    assert "assistant\n<tool_call>\n{}\n</tool_call>\nDone.<|im_end|>" in chat(CHATML).render(
        "", history, Exchange("and", "")
    )


def test_where_no_system_prompt_is_known_it_goes_before_the_first_words() -> None:
    assert chat(GEMMA).render("Be kind.", [Exchange("why", "because")], Exchange("and", "")) == (
        "<s><start_of_turn>user\nBe kind.\n\nwhy<end_of_turn>\n<start_of_turn>model\nbecause<end_of_turn>\n"
        "<start_of_turn>user\nand<end_of_turn>\n<start_of_turn>model\n"
    )


@pytest.mark.parametrize("source", [None, "{% for m in messages %}{{ bos_token }}{{ m['content'] }}\n{% endfor %}"])
def test_without_turns_what_was_said_is_gone_on_with(source: str | None) -> None:
    found = template_of(source, bos="<s>", eos="</s>", model="some.gguf")
    assert isinstance(found, Continuation)
    assert found.render("Be kind.", [Exchange("why", "because")], Exchange("Once", "", "It is 3 PM.")) == "Once"


def test_with_turns_it_is_a_chat() -> None:
    assert isinstance(template_of(CHATML, bos="", eos="", model="some.gguf"), ChatTemplate)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{% for message in messages %}", "line 1: TemplateSyntaxError: Unexpected end of template"),
        ("one\ntwo {% end %}", "line 2: TemplateSyntaxError"),
        ("{{ raise_exception('not today') }}", "ValueError: not today"),
        ("{{ nothing.at.all }}", "UndefinedError: 'nothing' is undefined"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{{ messages[0]['content'] }}", "it leaves out, or turns about, what was said"),
        ("{% for m in messages | reverse %}{{ m['content'] }}{% endfor %}", "it leaves out, or turns about"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "SecurityError"),
        ("{{ messages.clear() }}", "SecurityError"),
        ("{% for i in range(10 ** 9) %}{% endfor %}", "OverflowError: Range too big"),
        ("{{ 'a' * 10 ** 10 }}", "MemoryError"),
        (
            "{% set n = namespace(t='aaaaaaaa') %}{% for i in range(99) %}{% set n.t = n.t ~ n.t %}{% endfor %}",
            "MemoryError",
        ),
    ],
)
def test_a_template_that_cannot_be_used(source: str, why: str) -> None:
    with pytest.raises(EngineError) as raised:
        chat(source)
    told = str(raised.value)
    assert told.startswith("the chat template of some.gguf cannot be used")
    assert why in told
    assert "\n" not in told
    assert len(told) < 400


NESTED = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"


@pytest.mark.parametrize("endless", [NESTED, "{{ 9 ** 99999999 }}"])
def test_a_template_that_never_ends(monkeypatch: pytest.MonkeyPatch, endless: str) -> None:
    monkeypatch.setattr("models.llama.template._RENDER_S", 0.2)
    with pytest.raises(EngineError, match=r"template of some.gguf cannot be used: it does not end within 0.2 s"):
        chat(endless)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        (NESTED, "does not end within 0.5 s"),
        ("{% set n = (messages | length) ** 99999999 %}", "does not end within 0.5 s"),
        ("{{ 'a' * 10 ** 9 }}", "MemoryError"),
        ("{{ 'a' * 2000000 }}", "it makes more than 1048576 characters"),
    ],
)
def test_a_fault_that_comes_later_is_told_too_and_the_next_text_is_made(
    monkeypatch: pytest.MonkeyPatch, fault: str, why: str
) -> None:
    monkeypatch.setattr("models.llama.template._RENDER_S", 0.5)
    template = chat(CHATML + "{% if messages | length > 4 %}" + fault + "{% endif %}")
    for _ in range(2):
        with pytest.raises(EngineError, match=why):
            template.render("", [Exchange("a", "b")] * 3, Exchange("c", ""))
        assert "<|im_start|>user\nc<|im_end|>" in template.render("", [Exchange("a", "b")], Exchange("c", ""))


def test_its_process_ends_with_it() -> None:
    before = psutil.Process().children()
    template = chat(CHATML)
    (child,) = (one for one in psutil.Process().children() if one not in before)
    assert "models.llama.rendering" in child.cmdline()
    del template
    child.wait(5)
