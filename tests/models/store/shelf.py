"""A catalogue of a test's own, whose files a `FileServer` has, and caches in a folder of the test's own."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from models import store
from models.store import catalog
from tests.models.store.file_server import REVISION, FileServer, serving

REPO = "somebody/whisper-mini"
WEIGHTS = random.Random(1).randbytes(3_000_000)
CONFIG = b'{"layers": 2}\n'
VOICES = random.Random(2).randbytes(400_000)


@dataclass
class Shelf:
    """Where everything is."""

    server: FileServer
    catalogue: Path
    cache: Path

    def __post_init__(self) -> None:
        """Put two models on it: hub-mini in a repository, release-mini at an address of its own."""
        self.server.add(REPO, "model.bin", WEIGHTS)
        self.server.add(REPO, "config.json", CONFIG, small=True)
        self.server.files["/voices.bin"] = VOICES
        self.write()

    def write(self, sha256: str = hashlib.sha256(WEIGHTS).hexdigest(), urls: list[str] | None = None) -> None:
        """Write the catalogue; `sha256` is that of model.bin, `urls` are those of voices.bin."""
        common = 'suits = "tests"\nlicence = "MIT"\nlanguages = ["en"]\nmemory_mb = 1\n'
        self.catalogue.write_text(
            f'[models."hub-mini"]\njob = "asr"\nengine = "whisper"\n{common}'
            f'repo = "{REPO}"\nrevision = "{REVISION}"\nfiles = [\n'
            f'{{ name = "config.json", size = {len(CONFIG)} }},\n'
            f'{{ name = "model.bin", size = {len(WEIGHTS)}, sha256 = "{sha256}" }},\n]\n'
            f'[models."release-mini"]\njob = "tts"\nengine = "kokoro"\nmain = "voices.bin"\n{common}files = [\n'
            f'{{ name = "voices.bin", size = {len(VOICES)}, sha256 = "{hashlib.sha256(VOICES).hexdigest()}", '
            f"urls = {json.dumps(urls or [f'{self.server.address}/voices.bin'])} }},\n"
            '{ name = "labels.txt", text = "one\\ntwo\\n" },\n]\n'
        )

    @property
    def hub(self) -> Path:
        """The repository's folder in the Hub's cache."""
        return self.cache / "huggingface" / "hub" / "models--somebody--whisper-mini"

    @property
    def blob(self) -> Path:
        """Where model.bin's bytes lie."""
        return self.hub / "blobs" / hashlib.sha256(WEIGHTS).hexdigest()

    @property
    def part(self) -> Path:
        """Where they grow."""
        return self.hub / "blobs" / f"{REVISION}-model.bin.part"

    @property
    def release(self) -> Path:
        """The other model's folder."""
        return self.cache / "hearth" / "models" / "release-mini"


@contextmanager
def stocked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """Serve the two models of the tests, none of them pulled yet."""
    for package in ("huggingface_hub", "pooch"):
        pytest.importorskip(package, reason=f"needs {package}: script/setup --neural")
    for variable in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)
    with serving(FileServer()) as server:
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        monkeypatch.setenv("NO_PROXY", "*")
        found = Shelf(server, folder / "catalog.toml", folder / "cache")
        monkeypatch.setattr(catalog, "models", lambda: catalog.load(found.catalogue))
        assert store.names() == ["hub-mini", "release-mini"]
        yield found
