"""What is said often, kept: confirmations, times and apologies come from here instead of being made again.

A phrase that is said once stays in memory for a while. Said again, it is written to disk, where it outlives the
server. So the disk never holds what was said a single time, nor anything longer than a short sentence: letters read
aloud, answers about people. Still, what it holds was said in this house: files are for their owner alone, their names
are hashes, and 0 megabytes keeps none.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import threading
import zlib
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

MOST_CHARACTERS = 60
"""Of a phrase that is kept, about four seconds."""

MEMORY_BYTES = 4_000_000
"""Of phrases said once: about 80 s of 24 kHz sound, the last thirty or so."""

_CHECK_BYTES = 4
"""A file is the sound behind its CRC-32."""

_LOGGER = logging.getLogger(__name__)


class Phrases:
    """A cache of spoken phrases; any thread may use it. It never fails: what cannot be read or written is not kept."""

    def __init__(self, folder: Path, most_bytes: int, voice: str) -> None:
        """`folder` may not exist yet; `voice` is all that a phrase's sound depends on besides its text.

        When the folder holds more than `most_bytes`, what was not said for longest goes.
        """
        self._folder = folder
        self._most_bytes = most_bytes
        self._voice = voice
        self._memory: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, text: str, voice: str) -> bytes | None:
        """Return the sound of `text` by `voice`, None where it was not said lately."""
        if not self._takes(text):
            return None
        name = self._name(text, voice)
        with self._lock:
            pcm = self._memory.pop(name, None)
            if pcm is not None:
                if not self._write(name, pcm):
                    self._memory[name] = pcm
                return pcm
            return self._read(name)

    def put(self, text: str, voice: str, pcm: bytes) -> None:
        """Keep the sound of `text`, for the time being in memory."""
        if not self._takes(text) or len(pcm) > MEMORY_BYTES:
            return
        with self._lock:
            self._memory[self._name(text, voice)] = pcm
            while sum(map(len, self._memory.values())) > MEMORY_BYTES:
                self._memory.popitem(last=False)

    def _takes(self, text: str) -> bool:
        return self._most_bytes > 0 and len(text) <= MOST_CHARACTERS

    def _name(self, text: str, voice: str) -> str:
        return hashlib.sha256("\0".join((self._voice, voice, text)).encode("utf-8", "replace")).hexdigest()

    def _read(self, name: str) -> bytes | None:
        path = self._folder / name
        try:
            kept = path.read_bytes()
        except OSError:
            return None
        pcm = kept[_CHECK_BYTES:]
        if len(kept) < _CHECK_BYTES or len(pcm) % 2 or zlib.crc32(pcm) != int.from_bytes(kept[:_CHECK_BYTES], "little"):
            _LOGGER.warning("a kept phrase was damaged; it is made again")
            with suppress(OSError):
                path.unlink()
            return None
        with suppress(OSError):
            os.utime(path)  # it was said now
        return pcm

    def _write(self, name: str, pcm: bytes) -> bool:
        part = None
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            number, part = tempfile.mkstemp(dir=self._folder, prefix=".")  # for the owner alone
            with os.fdopen(number, "wb") as file:
                file.write(zlib.crc32(pcm).to_bytes(_CHECK_BYTES, "little") + pcm)
            Path(part).rename(self._folder / name)
            part = None
            self._shrink()
        except OSError as error:
            _LOGGER.warning("a phrase cannot be kept in %s: %s", self._folder, error.strerror or error)
            return False
        else:
            return True
        finally:
            if part is not None:
                with suppress(OSError):
                    Path(part).unlink()

    def _shrink(self) -> None:
        """Remove what was not said for longest; what a killed server left half written is old soon."""
        with os.scandir(self._folder) as entries:
            kept = sorted((entry.stat().st_mtime, entry.stat().st_size, entry.path) for entry in entries)
        total = sum(size for _, size, _ in kept)
        for _, size, path in kept:
            if total <= self._most_bytes:
                return
            with suppress(OSError):
                Path(path).unlink()
            total -= size
