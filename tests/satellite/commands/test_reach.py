from importlib.util import find_spec
from pathlib import Path

import pytest

from .test_ask import hearth


def needs(module: str, package: str) -> None:
    """Skip where a package is not installed; it is not imported, for the command does its work in other processes."""
    if find_spec(module) is None:
        pytest.skip(f"{package} is not installed: script/setup --neural")


async def failed(*arguments: str) -> list[str]:
    """Run a command that fails; return what it says after that it starts a server."""
    process = await hearth(*arguments)
    out, said = await process.communicate()
    assert (process.returncode, out) == (1, b"")
    first, *lines = said.decode().splitlines()
    assert "starting a server of the job" in first
    return lines


async def test_a_damaged_model_is_told_once_and_not_tried_again(tmp_path: Path) -> None:
    needs("llama_cpp", "llama-cpp-python")
    model = tmp_path / "damaged.gguf"
    model.write_bytes(b"not this" * 1000)
    (line,) = await failed("ask", "--engine", "llama", "--model", str(model), "hello", "--data-dir", str(tmp_path))
    assert line.startswith(f"hearth: handle ended with status 1: {model} is no GGUF file")


async def test_the_file_of_voices_goes_to_the_server(tmp_path: Path) -> None:
    needs("kokoro_onnx", "kokoro-onnx")
    model = tmp_path / "kokoro.onnx"
    model.write_bytes(b"not this" * 1000)
    options = ["say", "hello", "--engine", "kokoro", "--model", str(model), "--data-dir", str(tmp_path)]
    (line,) = await failed(*options)
    assert line.endswith("give the file of voices with --voices")
    (line,) = await failed(*options, "--voices", str(tmp_path / "mine.bin"))
    assert "mine.bin" in line
