import asyncio
import socket
import sys
from argparse import Namespace
from importlib.util import find_spec
from pathlib import Path

import pytest

from satellite.commands import reach as reach_module
from tests.satellite.commands.test_ask import hearth


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


async def test_a_server_at_its_usual_port_needs_no_announcement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    uri = f"tcp://127.0.0.1:{port}"
    monkeypatch.setattr(reach_module, "PORTS", {"vad": port, "tts": port})
    program = [sys.executable, "-P", "-m", "wyoming_servers.vad", "--uri", uri, "--data-dir", str(tmp_path)]
    server = await asyncio.create_subprocess_exec(*program, stderr=asyncio.subprocess.PIPE)
    assert server.stderr is not None
    try:
        while b"is ready" not in (line := await server.stderr.readline()):
            assert line
        async with reach_module.reach("vad", Namespace(uri=None, data_dir=tmp_path)) as found:
            assert found == uri
        assert await reach_module._find("tts", tmp_path) != uri  # somebody else has that port
    finally:
        server.terminate()
        await server.wait()


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
