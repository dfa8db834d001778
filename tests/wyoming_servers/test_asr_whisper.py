"""The asr server with Whisper: a real server, real worker processes, and weights that always say the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
import soxr
from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import SelectProgram

from models.engine import EngineError
from tests.models.speech import silence, speech
from tests.models.whisper.whisper_english import english_only
from tests.wyoming_servers.serving import receive, send, serving, until
from wyoming_servers.asr import JOB
from wyoming_servers.wire import describe
from wyoming_servers.wire.audio import RATE, WIDTH, read_wav

pytest.importorskip("faster_whisper", reason="needs script/setup --neural")

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAID = "Set a timer for twenty five minutes and ten seconds."
CHUNK = RATE * WIDTH // 50
START = AudioStart(RATE, WIDTH, 1)

Standin = Callable[[str], Path]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def uri(standin: Standin, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A server with two models, the second of which knows one language."""
    english = english_only(standin("whisper-tiny-says"), tmp_path_factory.mktemp("models") / "english")
    models = ["--model", str(standin("whisper-tiny-says")), "--model", str(english)]
    async with serving(JOB, "--data-dir", str(tmp_path_factory.mktemp("data")), *models) as uri:
        yield uri


def audio(pcm: bytes) -> Iterator[AudioChunk]:
    for at in range(0, len(pcm), CHUNK):
        yield AudioChunk(RATE, WIDTH, 1, pcm[at : at + CHUNK])


async def transcribe(uri: str, pcm: bytes, *before: Transcribe | SelectProgram) -> Event:
    async with AsyncClient.from_uri(uri) as client:
        await send(client, *before, START, *audio(pcm), AudioStop())
        return await receive(client, 40)


async def test_it_describes_its_models(uri: str) -> None:
    first, second = (await describe(uri)).asr
    assert (first.name, second.name) == ("hearth-asr", "hearth-asr-english")
    assert first.installed
    assert not first.requires_external_vad
    assert not first.supports_transcript_streaming
    assert first.models[0].name == "whisper-tiny-says"
    assert {"en", "de", "nb"} <= set(first.models[0].languages)
    assert second.models[0].languages == ["en"]


async def test_it_writes_down_what_was_said(uri: str) -> None:
    answer = await transcribe(uri, speech())
    assert answer.data == {"text": SAID, "language": "en"}


async def test_the_language_asked_for_is_that_of_the_transcript(uri: str) -> None:
    answer = await transcribe(uri, speech(), Transcribe(language="auto"))
    assert answer.data["text"] == SAID
    answer = await transcribe(uri, speech(), Transcribe(language="de-DE"))
    assert answer.data == {"text": SAID, "language": "de-DE"}


async def test_the_transcript_comes_before_the_end_and_the_rest_is_dropped(uri: str) -> None:
    async with AsyncClient.from_uri(uri) as client:
        await send(client, START, *audio(speech(after_ms=1500)))
        assert (await receive(client)).data["text"] == SAID
        await send(client, *audio(speech("Stop.")), AudioStop(), START, *audio(silence(1000)), AudioStop())
        assert (await receive(client)).data["text"] == ""


async def test_several_are_heard_at_once(uri: str) -> None:
    answers = await asyncio.gather(*(transcribe(uri, speech()) for _ in range(5)))
    assert [answer.data["text"] for answer in answers] == [SAID] * 5


@pytest.mark.parametrize("pcm", [b"", silence(500), silence(20_000)])
async def test_silence_is_nothing(uri: str, pcm: bytes) -> None:
    assert (await transcribe(uri, pcm)).data["text"] == ""


async def test_noise_of_a_house_is_nothing(uri: str, shared: Path) -> None:
    import soundfile

    texts = {}
    for path in sorted((shared / "media/noise").iterdir()):
        if path.suffix == ".ogg":
            samples, rate = soundfile.read(path, dtype="int16")
            pcm = soxr.resample(samples, rate, RATE).tobytes()
        elif path.suffix == ".wav":
            pcm = read_wav(path)[: 30 * RATE * WIDTH]
        else:
            continue
        texts[path.name] = (await transcribe(uri, pcm + silence(1000))).data["text"]
    assert len(texts) > 10
    assert not any(texts.values()), texts


async def test_hiss_is_nothing(uri: str) -> None:
    for loud in (300, 3000, 30_000):
        noise = np.random.default_rng(1).integers(-loud, loud, 5 * RATE, dtype=np.int16)
        assert (await transcribe(uri, noise.tobytes())).data["text"] == ""


async def test_a_model_is_chosen_by_its_name(uri: str) -> None:
    german = Transcribe(language="de")
    for chosen in (SelectProgram("hearth-asr-english"), SelectProgram("english")):
        assert (await transcribe(uri, speech(), chosen)).data["text"] == SAID
        async with AsyncClient.from_uri(uri) as client:
            await send(client, chosen, german)
            assert "this model knows en" in Error.from_event(await receive(client)).text
            await send(
                client, Transcribe(name="whisper-tiny-says", language="de"), START, *audio(speech()), AudioStop()
            )
            assert (await receive(client)).data == {"text": SAID, "language": "de"}
    assert (await transcribe(uri, speech(), SelectProgram("hearth-asr"), german)).data["text"] == SAID


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (Transcribe(name="huge"), "'transcribe' asks for 'huge'; this server has whisper-tiny-says, english"),
        (SelectProgram("huge"), "'select-program' asks for 'huge'"),
        (Transcribe(language="tlh"), "'language' of 'transcribe' is 'tlh'; this model knows"),
        (Transcribe(name="english", language="de"), "is 'de'; this model knows en"),
        (Transcribe(transcript_names="Ada"), "'transcript_names' of 'transcribe' takes a list of texts"),  # type: ignore[arg-type]
        (Transcribe(transcript_terms=[1]), "'transcript_terms' of 'transcribe' takes a list of texts"),  # type: ignore[list-item]
    ],
)
async def test_what_makes_no_sense_is_named_and_the_connection_lives(
    uri: str, asked: Transcribe | SelectProgram, told: str
) -> None:
    async with AsyncClient.from_uri(uri) as client:
        await send(client, asked)
        error = Error.from_event(await receive(client))
        assert error.code == "bad-value"
        assert told in error.text
        await send(client, START, *audio(speech()), AudioStop())
        assert (await receive(client)).data["text"] == SAID


async def test_words_to_expect_are_taken_however_many(uri: str) -> None:
    names = [f"name {number}" for number in range(5000)]
    answer = await transcribe(uri, speech(), Transcribe(transcript_names=names, transcript_terms=["<|endoftext|>"]))
    assert answer.data["text"] == SAID


async def test_dictation_of_minutes_comes_whole(standin: Standin, tmp_path: Path) -> None:
    options = ("--data-dir", str(tmp_path), "--model", str(standin("whisper-tiny-says")), "--external-vad")
    async with serving(JOB, *options) as uri:
        assert (await describe(uri)).asr[0].requires_external_vad
        pcm = speech(before_ms=100, after_ms=400) * 40
        text = str((await transcribe(uri, pcm)).data["text"])
        assert text.count(SAID) >= len(pcm) / WIDTH / RATE / 30
        assert text.replace(SAID, "").strip() == ""


async def test_captions_are_the_beginning_of_the_text(standin: Standin, tmp_path: Path) -> None:
    options = ("--data-dir", str(tmp_path), "--model", str(standin("whisper-tiny-says")), "--external-vad")
    async with serving(JOB, *options, "--partials") as uri:
        assert (await describe(uri)).asr[0].supports_transcript_streaming
        async with AsyncClient.from_uri(uri) as client:
            await send(client, START)
            # As it is spoken: the text of what has been said comes meanwhile.
            events: list[Event] = []
            while not events:
                await send(client, *audio(speech(before_ms=0, after_ms=0)))
                try:
                    events.append(await receive(client, 0.5))
                except TimeoutError:
                    continue
            await send(client, *audio(silence(700)), AudioStop())
            events += await until(client, "transcript-stop")
        assert events[0].type == "transcript-start"
        assert [event.type for event in events[-2:]] == ["transcript", "transcript-stop"]
        chunks = [event.data["text"] for event in events if event.type == "transcript-chunk"]
        assert "".join(chunks) == events[-2].data["text"]
        assert len(chunks) >= 2


async def test_a_model_that_cannot_be_loaded_is_one_line(standin: Standin, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(EngineError, match=r"no Whisper model of CTranslate2: it has no model\.bin"):
        async with serving(JOB, "--data-dir", str(tmp_path), "--model", str(tmp_path / "model")):
            pass


async def test_an_idle_model_is_unloaded_and_loaded_again(standin: Standin, tmp_path: Path) -> None:
    model = str(standin("whisper-tiny-says"))
    async with serving(JOB, "--data-dir", str(tmp_path), "--model", model, "--keep-alive", "0.2") as uri:
        for _ in range(2):
            await asyncio.sleep(1.0)
            assert (await transcribe(uri, speech())).data["text"] == SAID
