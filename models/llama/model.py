"""A GGUF model in llama.cpp: its weights, its vocabulary, and what its file tells of it.

The weights are mapped from the file, so that what several processes use is in memory once; only those that llama.cpp
lays out anew for this CPU (Q4_0 and some others) are copied.
"""

from __future__ import annotations

import ctypes
import re
from pathlib import Path
from typing import Any

from models.engine import EngineError, EngineUnavailable

_MAGIC = b"GGUF"

_ERROR = 4
"""GGML_LOG_LEVEL_ERROR"""

_COMPLAINT_CHARACTERS = 300

_PIECE_BYTES = 512
"""Longer tokens are asked for a second time."""


class LlamaModel:
    """The weights and the vocabulary."""

    def __init__(self, path: Path) -> None:
        """Load `path`, a GGUF file or a folder with one.

        Raises `EngineUnavailable` where the package is missing, `EngineError`, saying why, where it is no such file.
        """
        self.handle: Any = None
        self.api = _import()
        self.path = _file(path)
        self._said = _Log(self.api)
        parameters = self.api.llama_model_default_params()
        parameters.n_gpu_layers = 0 if not self.api.llama_supports_gpu_offload() else -1
        self.handle = self.api.llama_model_load_from_file(bytes(self.path), parameters)
        if not self.handle:
            raise EngineError(f"{self.path} cannot be loaded by llama.cpp: {self.complaint()}")
        if self.api.llama_model_has_encoder(self.handle) or not self.api.llama_model_has_decoder(self.handle):
            raise EngineError(f"{self.path} is no model that writes text; a chat model in GGUF is needed")
        self._vocabulary = self.api.llama_model_get_vocab(self.handle)
        self.size = self.api.llama_vocab_n_tokens(self._vocabulary)
        """Tokens that it knows."""
        self.trained_tokens = self.api.llama_model_n_ctx_train(self.handle)
        """Longest text it was trained on."""
        api, heads = self.api, max(1, self.api.llama_model_n_head(self.handle))
        width = api.llama_model_n_embd(self.handle) // heads * api.llama_model_n_head_kv(self.handle)
        self.state_bytes = 2 * 2 * api.llama_model_n_layer(self.handle) * width
        """What a context needs to hold one token: a key and a value of 16 bits for each layer."""
        template = self.api.llama_model_chat_template(self.handle, None)
        self.chat_template = template.decode("utf-8", "replace") if template else None
        self.bos = self._text_of(self.api.llama_vocab_bos(self._vocabulary))
        self.eos = self._text_of(self.api.llama_vocab_eos(self._vocabulary))
        self._ends = frozenset(token for token in range(self.size) if self._is_end(token))
        marks = sorted((self._text_of(token) for token in self._ends), key=len, reverse=True)
        self._marks = re.compile("|".join(re.escape(mark) for mark in marks if mark) or r"(?!)")

    def tokens(self, text: str) -> list[int]:
        """Return the tokens of `text`, in which a mark such as `<|im_end|>` is one."""
        data = text.encode("utf-8", "replace")
        most = len(data) + 8
        found = (self.api.llama_token * most)()
        count = self.api.llama_tokenize(self._vocabulary, data, len(data), found, most, False, True)
        if count < 0:
            raise EngineError(f"the text makes {-count} tokens of {len(data)} bytes, which nobody would believe")
        return list(found[:count])

    def opening(self, text: str) -> list[int]:
        """Return the tokens of a text from its beginning, with the mark of a beginning where the model wants one."""
        tokens = self.tokens(text)
        first = self.api.llama_vocab_bos(self._vocabulary)
        if self.api.llama_vocab_get_add_bos(self._vocabulary) and tokens[:1] != [first]:
            return [first, *tokens]
        return tokens

    def bytes_of(self, token: int) -> bytes:
        """Return what `token` stands for: a part of a text in UTF-8, perhaps of one character; nothing for a mark."""
        size = _PIECE_BYTES
        while True:
            buffer = ctypes.create_string_buffer(size)
            count = self.api.llama_token_to_piece(self._vocabulary, token, buffer, size, 0, False)
            if count >= 0:
                return buffer.raw[:count]
            size = -count

    def ends(self, token: int) -> bool:
        """Whether `token` ends an answer: the mark of an end, or of anything else that is not text."""
        return token in self._ends

    def without_marks(self, text: str) -> str:
        """Return `text` with nothing in it that the model would take for a mark, so that nobody can speak as the house.

        What is left after a removal may be a mark again, so this goes on until nothing is.
        """
        while (cleaned := self._marks.sub("", text)) != text:
            text = cleaned
        return text

    def grammar(self, source: str) -> Any:
        """Return what allows only tokens by a grammar (GBNF) to be drawn, to be put into a sampler.

        Raises `EngineError` for one that llama.cpp cannot read.
        """
        part = self.api.llama_sampler_init_grammar(self._vocabulary, source.encode(), b"root")
        if not part:
            raise EngineError(f"llama.cpp cannot read a grammar: {self.complaint()}")
        return part

    def complaint(self) -> str:
        """Return what llama.cpp has complained of since this was last asked, in one line."""
        return self._said.complaint() or "it does not say why"

    def __del__(self) -> None:
        if self.handle:
            self.api.llama_model_free(self.handle)

    def _is_end(self, token: int) -> bool:
        vocabulary = self._vocabulary
        return bool(
            self.api.llama_vocab_is_eog(vocabulary, token) or self.api.llama_vocab_is_control(vocabulary, token)
        )

    def _text_of(self, token: int) -> str:
        if token < 0:
            return ""
        return str((self.api.llama_vocab_get_text(self._vocabulary, token) or b"").decode("utf-8", "replace"))


def _import() -> Any:
    try:
        import llama_cpp
    except ImportError:
        raise EngineUnavailable(
            "llama.cpp is not installed: pip install 'wyoming-hearth[llama]' (compiles for a quarter of an hour;"
            " script/setup --neural tells how)"
        ) from None
    except (OSError, RuntimeError) as error:
        raise EngineUnavailable(f"llama.cpp cannot be started: {error}") from None
    return llama_cpp


def _file(path: Path) -> Path:
    """Return the file to load; raise `EngineError` where it can be none."""
    if path.is_dir():
        inside = sorted(path.glob("*.gguf"))
        parts = [one for one in inside if "-of-" in one.name]
        if len(inside) != 1 and parts != inside:
            raise EngineError(f"{path} is a folder with {len(inside)} files *.gguf; name one file")
        if not inside:
            raise EngineError(f"{path} is a folder without a file *.gguf; name a model's file")
        path = inside[0]
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise EngineError(f"{path} cannot be read: {error.strerror}") from None
    if magic != _MAGIC:
        raise EngineError(f"{path} is no GGUF file: it begins with {magic!r} instead of {_MAGIC!r}")
    return path


class _Log:
    """Takes what llama.cpp writes to its log, which is much, and keeps what went wrong."""

    _MOST = 8

    def __init__(self, api: Any) -> None:
        self._errors: list[str] = []
        self._callback = api.llama_log_callback(self._take)  # kept: llama.cpp calls it as long as it is loaded
        _CALLBACKS.append(self._callback)
        api.llama_log_set(self._callback, ctypes.c_void_p(0))

    def _take(self, level: int, text: bytes, _: object) -> None:
        if level == _ERROR and len(self._errors) < self._MOST:
            self._errors.append(text.decode("utf-8", "replace").strip())

    def complaint(self) -> str:
        """Return the first, which says what was wrong; those after it say what that led to."""
        first = " ".join(self._errors[0].split()) if self._errors else ""
        self._errors = []
        readable = "".join(char for char in first if char.isprintable())  # names in it come from the file
        return re.sub(r"^\w+: (error loading model: )?", "", readable)[:_COMPLAINT_CHARACTERS]


_CALLBACKS: list[Any] = []
