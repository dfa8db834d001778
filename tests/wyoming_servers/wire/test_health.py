from __future__ import annotations

import asyncio
import json
import socket
import threading
import urllib.error
import urllib.request
from argparse import ArgumentParser
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from functools import partial

import pytest
from prometheus_client.parser import text_string_to_metric_families

from satellite.services.rehearsal import free_ports
from wyoming_servers.wire import health
from wyoming_servers.wire.health import Health, add_http_option, serve_health


@asynccontextmanager
async def served(*problems: str) -> AsyncIterator[int]:
    port = free_ports(1)[0]
    async with serve_health(("127.0.0.1", port), Health("tested", [lambda: problems, list])):
        yield port


def get(port: int, path: str, method: str = "GET") -> tuple[int, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


async def test_it_is_well() -> None:
    async with served() as port:
        status, body = await asyncio.to_thread(get, port, "/healthz")
    assert status == 200
    assert json.loads(body).items() >= {"status": "ok", "name": "tested", "problems": []}.items()


async def test_it_is_not_well_and_says_why() -> None:
    async with served("sphinx: no process is ready", "the roof leaks") as port:
        status, body = await asyncio.to_thread(get, port, "/healthz")
    assert status == 503
    assert json.loads(body)["problems"] == ["sphinx: no process is ready", "the roof leaks"]


async def test_a_loop_that_stands_still_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_LOOP_S", 0.1)
    told: list[tuple[int, str]] = []
    async with served() as port:
        asking = threading.Thread(target=lambda: told.append(get(port, "/healthz")))
        asking.start()
        asking.join()  # the loop does nothing else meanwhile
    assert told[0][0] == 503
    assert "event loop has not answered" in told[0][1]


async def test_metrics_are_prometheus_text() -> None:
    async with served() as port:
        status, body = await asyncio.to_thread(get, port, "/metrics")
    assert status == 200
    names = {family.name for family in text_string_to_metric_families(body)}
    assert names >= {"process_resident_memory_bytes", "process_cpu_seconds"}


async def test_what_there_is_not() -> None:
    async with served() as port:
        assert await asyncio.to_thread(get, port, "/") == (404, "there are /healthz and /metrics\n")
        status, text = await asyncio.to_thread(get, port, "/healthz", "DELETE")
        assert (status, text) == (405, "GET and HEAD alone are answered here\n")


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"GET /%s HTTP/1.1\r\n\r\n" % (b"x" * 70_000), b"\n"]
)
async def test_what_is_no_request_disturbs_nobody(sent: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    async with served() as port:
        with socket.create_connection(("127.0.0.1", port)) as stranger:
            stranger.sendall(sent)
        status, _ = await asyncio.to_thread(get, port, "/healthz")
    assert status == 200
    assert "Traceback" not in capfd.readouterr().err


async def test_slow_clients_make_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_HEAD_S", 600.0)
    monkeypatch.setattr(health, "_ANSWER_S", 600.0)
    over = threading.Event()

    def dribble(clients: list[socket.socket]) -> None:
        for byte in b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 10_000:
            for client in clients:
                with suppress(OSError):  # it was hung up on
                    client.sendall(bytes([byte]))
            if over.wait(0.01):
                break

    async with served() as port:
        with ExitStack() as slow:
            connect = partial(socket.create_connection, ("127.0.0.1", port))
            clients = [slow.enter_context(connect()) for _ in range(3 * health._AT_ONCE)]
            dribbling = asyncio.create_task(asyncio.to_thread(dribble, clients))
            try:
                for _ in range(10):
                    assert (await asyncio.to_thread(get, port, "/healthz"))[0] == 200
                assert not dribbling.done()
            finally:
                over.set()
                await dribbling


async def test_who_is_being_answered_does_not_make_way(monkeypatch: pytest.MonkeyPatch) -> None:
    came_in = threading.Semaphore(0)

    def has_asked(server: health._Server, request: socket.socket) -> None:
        has_asked_really(server, request)
        came_in.release()

    has_asked_really = health._Server.has_asked
    monkeypatch.setattr(health._Server, "has_asked", has_asked)
    monkeypatch.setattr(health, "_LOOP_S", 60.0)
    async with served() as port:
        with ExitStack() as asking:
            clients = []
            for _ in range(health._AT_ONCE):
                client = asking.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
                client.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
                clients.append(client)
            for _ in clients:
                assert came_in.acquire(timeout=60)  # which keeps the loop, so that nobody is answered
            late = asking.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
            assert late.recv(1) == b""
            for client in clients:
                assert (await asyncio.to_thread(client.recv, 12)) == b"HTTP/1.0 200"


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\n"])
async def test_who_only_connects_is_hung_up_on(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_HEAD_S", 0.1)
    async with served() as port:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            client.sendall(sent)
            assert await asyncio.to_thread(client.recv, 1) == b""


async def test_who_does_not_take_its_answer_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_ANSWER_S", 1.0)
    async with served("x" * 20_000_000) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            client.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
            assert await asyncio.to_thread(client.recv, 1) == b"H"
            async with asyncio.timeout(60):
                while any("process_request_thread" in thread.name for thread in threading.enumerate()):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            size = 0
            while piece := await asyncio.to_thread(client.recv, 1 << 20):
                size += len(piece)
    assert 0 < size < 20_000_000


async def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            OSError, match=f"cannot listen at http://127.0.0.1:{port}: Address already in use; .*--http"
        ):
            async with serve_health(("127.0.0.1", port), Health("tested")):
                pass


def read(text: str) -> tuple[str, int]:
    parser = ArgumentParser()
    add_http_option(parser)
    address: tuple[str, int] = parser.parse_args(["--http", text]).http
    return address


def test_the_option() -> None:
    assert read("9090") == ("127.0.0.1", 9090)
    assert read("0.0.0.0:9090") == ("0.0.0.0", 9090)
    assert read("::1:9090") == read("[::1]:9090") == ("::1", 9090)


@pytest.mark.parametrize("text", ["0", "65536", ":80", "port", "localhost:", "-1"])
def test_a_wrong_option(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read(text)
    assert "takes PORT or HOST:PORT, like 9090 or 0.0.0.0:9090" in capsys.readouterr().err
