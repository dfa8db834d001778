"""The shipped catalogue is complete; a wrong one is refused with the name of what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.store import catalog
from models.store.catalog import CatalogError

WHISPER = ("tiny", "tiny.en", "base", "base.en", "small", "distil-small.en", "large-v3-turbo")
OTHERS = {
    "llama": {"smollm2-135m", "smollm2-360m", "smollm2-1.7b", "qwen2.5-0.5b", "qwen2.5-1.5b"},
    "kokoro": {"kokoro-v1.0"},
    "onnx": {"mobilenetv2", "efficientnet-lite4", "yolox-nano"},
}
JOBS = {"whisper": "asr", "llama": "handle", "kokoro": "tts", "onnx": "image"}

GOOD = """
[models.one]
job = "asr"
engine = "whisper"
suits = "tests"
licence = "MIT"
languages = ["en"]
memory_mb = 1
repo = "a/b"
revision = "0123456789abcdef0123456789abcdef01234567"
files = [{ name = "model.bin", size = 1 }]
"""
ELSEWHERE = GOOD.replace('repo = "a/b"\n', "").replace(
    "size = 1", f'size = 1, sha256 = "{"0" * 64}", urls = ["https://example.org/x"]'
)


def load(tmp_path: Path, text: str) -> dict[str, catalog.Model]:
    path = tmp_path / "catalog.toml"
    path.write_text(text)
    return catalog.load(path)


def test_everything_that_is_promised_is_there() -> None:
    models = catalog.models()
    found = {engine: {name for name, model in models.items() if model.engine == engine} for engine in JOBS}
    assert found == {"whisper": {f"whisper-{name}" for name in WHISPER}, **OTHERS}


@pytest.mark.parametrize("model", catalog.models().values(), ids=lambda model: model.name)
def test_every_entry_is_complete_and_consistent(model: catalog.Model) -> None:
    assert model.job == JOBS[model.engine]
    assert len(model.suits) <= 50
    assert model.licence in {"MIT", "Apache-2.0"}
    weights = max(model.files, key=lambda file: file.size)
    assert weights.sha256
    assert model.memory_mb > weights.size / 2**20 / (2 if model.engine == "whisper" else 1)  # int8 of float16
    assert bool(model.repo) == (model.engine in {"whisper", "llama"})
    for file in model.files:
        assert file.text or all(url.startswith("https://") for url in file.urls)
        assert file.sha256 or file.size < 3_000_000
    names = {file.name for file in model.files}
    if model.engine == "whisper":
        assert {"model.bin", "config.json", "tokenizer.json"} < names
        assert names & {"vocabulary.txt", "vocabulary.json"}
    if model.engine == "llama":
        assert model.main.endswith(".gguf")
    if model.engine == "onnx":
        assert model.main.endswith(".onnx")
        assert "labels.txt" in names


def test_the_revisions_and_checksums_are_not_each_others() -> None:
    models = [model for model in catalog.models().values() if model.repo]
    assert len({model.revision for model in models}) == len(models)
    weights = [file.sha256 for model in catalog.models().values() for file in model.files if file.size > 3_000_000]
    assert len(set(weights)) == len(weights)


def test_coco_has_80_names() -> None:
    labels = next(file for file in catalog.models()["yolox-nano"].files if file.name == "labels.txt")
    names = labels.text.splitlines()
    assert (len(names), len(set(names))) == (80, 80)
    assert (names[0], names[15], names[16], names[79]) == ("person", "cat", "dog", "toothbrush")


def test_whispers_languages_are_whispers() -> None:
    tokenizer = pytest.importorskip("faster_whisper.tokenizer", reason="needs faster_whisper: script/setup --neural")
    assert set(catalog.models()["whisper-base"].languages) == set(tokenizer._LANGUAGE_CODES) - {"yue"}


def test_a_small_one(tmp_path: Path) -> None:
    (model,) = load(tmp_path, GOOD).values()
    assert (model.name, model.repo, model.size, model.main) == ("one", "a/b", 1, "")
    (model,) = load(tmp_path, ELSEWHERE).values()
    assert model.files[0].urls == ("https://example.org/x",)
    brought = ELSEWHERE[: ELSEWHERE.index("files")] + 'files = [{ name = "a.txt", text = "ä" }]'
    (model,) = load(tmp_path, brought).values()
    assert (model.files[0].size, len(model.files[0].sha256)) == (2, 64)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[models.one]", '[models."../one"]', "'../one': a name has letters"),
        ("[models.one]", '[models.""]', "a name has letters"),
        ('"model.bin"', '"../model.bin"', "'../model.bin' is no file's name"),
        ('"model.bin"', '"/etc/passwd"', "'/etc/passwd' is no file's name"),
        ('"model.bin"', '".."', "is no file's name"),
        ('"model.bin"', '"a/b"', "is no file's name"),
        ('"model.bin"', "5", "5 is no file's name"),
        ('"a/b"', '"../b"', "repo is OWNER/NAME"),
        ('"a/b"', '"a/b/c"', "repo is OWNER/NAME"),
        ("0123456789abcdef0123456789abcdef01234567", "main", "revision a commit of 40"),
        ("0123456789abcdef0123456789abcdef01234567", "../../x", "revision a commit of 40"),
        ('job = "asr"', 'job = "cook"', "job is one of vad, asr"),
        ('job = "asr"', "", "job is missing"),
        ('suits = "tests"', 'suits = ""', "suits is missing"),
        ('suits = "tests"', "suits = 5", "suits must be a text"),
        ('licence = "MIT"', 'license = "MIT"', "there is no field license"),
        ('["en"]', '"martian"', "languages is a list of codes"),
        ('["en"]', "[5]", "languages is a list of codes"),
        ("memory_mb = 1", "memory_mb = 0", "memory_mb is a number"),
        ("memory_mb = 1", 'memory_mb = "1"', "memory_mb is a number"),
        ("size = 1", "size = -1", "size of model.bin is missing"),
        ("size = 1", "", "cannot be read"),
        ("size = 1", 'size = 1, sha256 = "ABC"', "sha256 of model.bin is 64"),
        ("size = 1", 'size = 1, urls = ["https://x/"]', "model.bin needs no urls"),
        ("size = 1", 'text = "x"', "size of model.bin is missing"),
        ("files = [{", 'files = [{ name = "model.bin", size = 2 }, {', "two files have the same name"),
        ('[{ name = "model.bin", size = 1 }]', "[]", "files is a list of tables"),
        ('[{ name = "model.bin", size = 1 }]', "[5]", "files is a list of tables"),
        ("files =", 'main = "other.bin"\nfiles =', "main is none of its files"),
    ],
)
def test_wrong_entries_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(CatalogError, match=message) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert "the catalogue" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (f'sha256 = "{"0" * 64}", ', "", "sha256 of model.bin is 64"),
        ("https://example.org/x", "file:///etc/passwd", "urls of model.bin is a list of http addresses"),
        ("https://example.org/x", "https://example.org/a b", "urls of model.bin"),
        ('["https://example.org/x"]', "5", "urls of model.bin"),
        ('["https://example.org/x"]', "[]", "model.bin needs urls"),
    ],
)
def test_wrong_addresses_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in ELSEWHERE
    with pytest.raises(CatalogError, match=message):
        load(tmp_path, ELSEWHERE.replace(old, new, 1))


@pytest.mark.parametrize("content", [b"[models", b"\xff\xfe", b"models = 5", b"languages = 5", b"[models]\none = 5"])
def test_no_catalogue_at_all(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "catalog.toml"
    path.write_bytes(content)
    with pytest.raises(CatalogError, match="the catalogue"):
        catalog.load(path)


def test_a_catalogue_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="cannot be read"):
        catalog.load(tmp_path / "none.toml")
