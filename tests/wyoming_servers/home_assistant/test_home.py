from __future__ import annotations

import asyncio
import json
import logging
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from models.sentences.house import House, Name
from tests.wyoming_servers.home_assistant.hass import TOKEN, Hass, hass_running
from wyoming_servers.home_assistant import home as home_module
from wyoming_servers.home_assistant.cache import Cache
from wyoming_servers.home_assistant.errors import HassError, HassRefused
from wyoming_servers.home_assistant.home import HomeAssistant, Pace, look
from wyoming_servers.home_assistant.registry import Told, read_told
from wyoming_servers.home_assistant.token import Token

QUICK = Pace(quiet=0.05, longest=0.5, refresh=60, retries=(0.02, 0.05), banned=0.1, token=0.02)
DESCRIBED = House(clock=24, names=(Name("described", "light"),))


@asynccontextmanager
async def kept_up(
    hass: Hass, folder: Path, *, token: Token | None = None, pace: Pace = QUICK
) -> AsyncIterator[HomeAssistant]:
    cache = Cache(folder, hass.url)
    async with HomeAssistant(hass.url, token or Token(TOKEN), DESCRIBED, cache, pace) as home:
        await home.tried(5)
        yield home


def names(house: House) -> list[str]:
    return [name.name for name in house.names]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - the test looks from outside
            await asyncio.sleep(0.01)


async def test_it_learns_and_keeps_up(tmp_path: Path) -> None:
    async with hass_running() as hass:
        hass.area("kitchen", "Kitchen")
        hass.light("a", "Desk Lamp", area="kitchen")
        async with kept_up(hass, tmp_path) as home:
            assert home.problem is None
            assert home.house == House(clock=24, areas=home.house.areas, names=(Name("Desk Lamp", "light", "Kitchen"),))
            hass.light("b", "Night Light")
            await hass.tell()
            assert names(await asyncio.wait_for(home.changed(), 60)) == ["Desk Lamp", "Night Light"]


async def test_what_is_exposed_by_default_is_known_before_anybody_spoke_to_assist(tmp_path: Path) -> None:
    async with hass_running() as hass:
        hass.prepared = False
        hass.light("a", "Lamp")
        async with kept_up(hass, tmp_path) as home:
            assert names(home.house) == ["Lamp"]


async def test_a_device_that_is_moved_is_followed_and_remembered_and_no_name_is_new(tmp_path: Path) -> None:
    async with hass_running() as hass:
        hass.area("kitchen", "Kitchen")
        hass.area("hall", "Hall")
        hass.devices = [{"id": "d", "area_id": "kitchen"}]
        hass.light("a", "Lamp")
        async with kept_up(hass, tmp_path) as home:
            assert home.rooms == {"d": "Kitchen"}
            changed = asyncio.create_task(home.changed())
            hass.devices = [{"id": "d", "area_id": "hall"}]
            await hass.tell("device_registry_updated")
            await until(lambda: home.rooms == {"d": "Hall"})
            await until(lambda: Cache(tmp_path, hass.url).load(DESCRIBED) == Told(home.house, {"d": "Hall"}))
            assert not changed.done()
            changed.cancel()


async def test_many_changes_are_one(tmp_path: Path) -> None:
    async with hass_running() as hass, kept_up(hass, tmp_path) as home:
        before = len(hass.asked)
        for index in range(20):
            hass.light(str(index), f"Lamp {index}")
            await hass.tell()
            await asyncio.sleep(0.01)
        assert len(names(await asyncio.wait_for(home.changed(), 60))) == 20
        assert sum(command["type"] == "get_states" for command in hass.asked[before:]) == 1


async def test_changes_without_end_are_seen_too(tmp_path: Path) -> None:
    async with hass_running() as hass, kept_up(hass, tmp_path) as home:
        hass.light("a", "Lamp")
        changing = asyncio.create_task(_for_ever(hass))
        assert names(await asyncio.wait_for(home.changed(), 60)) == ["Lamp"]
        changing.cancel()


async def _for_ever(hass: Hass) -> None:
    while True:
        await hass.tell("device_registry_updated")
        await asyncio.sleep(0.01)


async def test_what_tells_of_no_change_is_found_by_looking(tmp_path: Path) -> None:
    async with hass_running() as hass, kept_up(hass, tmp_path, pace=Pace(refresh=0.05)) as home:
        hass.light("a", "Lamp")
        assert names(await asyncio.wait_for(home.changed(), 60)) == ["Lamp"]


async def test_home_assistant_goes_and_comes_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    hass = Hass()
    hass.light("a", "Lamp")
    async with hass_running(hass) as hass, kept_up(hass, tmp_path) as home:
        port = int(hass.url.rpartition(":")[2])
        for _ in range(3):
            logins = len(hass.logins)
            await hass.drop()
            await until(lambda logins=logins: len(hass.logins) > logins and home.problem is None)  # type: ignore[misc]
        assert names(home.house) == ["Lamp"]
    async with (
        hass_running(hass, port),
        HomeAssistant(hass.url, Token(TOKEN), DESCRIBED, Cache(tmp_path, hass.url), QUICK) as home,
    ):
        await home.tried(5)
        assert home.problem is None
    async with HomeAssistant(hass.url, Token(TOKEN), DESCRIBED, Cache(tmp_path, hass.url), QUICK) as home:
        await home.tried(5)
        assert home.problem is not None
        assert "cannot be reached" in home.problem
        assert names(home.house) == ["Lamp"]  # from the cache
        caplog.clear()
        await asyncio.sleep(0.3)
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]  # it was said once
        hass.light("b", "Other")
        async with hass_running(hass, port):
            assert names(await asyncio.wait_for(home.changed(), 60)) == ["Lamp", "Other"]


async def test_a_wrong_token_is_shown_once_and_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with hass_running() as hass:
        hass.token = "another"
        async with kept_up(hass, tmp_path) as home:
            await asyncio.sleep(0.3)
            assert hass.logins == [TOKEN]
            assert home.refused
            assert home.house == DESCRIBED
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(said) == 1
    assert "does not accept the token" in said[0]
    assert "Long-lived access tokens" in said[0]
    assert TOKEN not in caplog.text


async def test_another_token_in_its_file_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    monkeypatch.setenv("HEARTH_HASS_TOKEN_FILE", str(file))
    async with hass_running() as hass:
        hass.token = "a.new.one"
        hass.light("a", "Lamp")
        async with kept_up(hass, tmp_path, token=Token.given(TOKEN)) as home:
            assert home.problem is not None
            assert str(file) in home.problem
            for text in ("", "two words", TOKEN):
                file.write_text(text)
                await asyncio.sleep(0.1)
            file.unlink()
            await asyncio.sleep(0.1)
            assert hass.logins == [TOKEN]
            file.write_text("a.new.one")
            assert names(await asyncio.wait_for(home.changed(), 60)) == ["Lamp"]
            assert hass.logins == [TOKEN, "a.new.one"]


async def test_a_token_of_the_command_line_has_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("another")
    monkeypatch.setenv("HEARTH_HASS_TOKEN_FILE", str(tmp_path / "token"))
    assert "start again" in Token.given(TOKEN).remedy


async def test_a_token_of_no_administrator_is_refused(tmp_path: Path) -> None:
    async with hass_running() as hass:
        hass.admin = False
        async with kept_up(hass, tmp_path) as home:
            assert home.problem is not None
            assert "administrator" in home.problem
        with pytest.raises(HassRefused, match=r"administrator"):
            await look(hass.url, TOKEN)


async def test_a_ban_is_named(tmp_path: Path) -> None:
    async with hass_running() as hass:
        hass.banned = True
        async with kept_up(hass, tmp_path) as home:
            assert home.problem is not None
            assert "ip_bans.yaml" in home.problem
            hass.banned = False
            await until(lambda: home.problem is None)


@pytest.mark.parametrize(
    "text",
    ["{", "null", "[]", "5", "[" * 100_000, '{"id": 1, "type": "result", "success": false}', '{"type": "pong"}', ""],
)
async def test_wrong_answers_are_got_over(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wyoming_servers.home_assistant.socket.COMMAND_S", 0.2)
    async with hass_running() as hass:
        hass.light("a", "Lamp")
        hass.answers = [text]
        async with kept_up(hass, tmp_path) as home:
            await until(lambda: names(home.house) == ["Lamp"])


async def test_a_slow_one_is_waited_for_but_not_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wyoming_servers.home_assistant.socket.COMMAND_S", 0.1)
    async with hass_running() as hass:
        hass.light("a", "Lamp")
        hass.slow_s = 60
        async with kept_up(hass, tmp_path) as home:
            assert home.problem is not None
            assert "did not answer 'subscribe_events' within 0.1 s" in home.problem
            hass.slow_s = 0
            await until(lambda: names(home.house) == ["Lamp"])


async def test_five_thousand_entities(tmp_path: Path) -> None:
    async with hass_running() as hass:
        for index in range(5000):
            hass.light(f"lamp_{index}", f"Lamp {index} 💡", capabilities={"effect_list": ["Rainbow"] * 50})
        async with kept_up(hass, tmp_path) as home:
            await until(lambda: len(home.house.names) == 5000)
        written = (tmp_path / "home_assistant.json").stat()
        assert oct(written.st_mode)[-3:] == "600"
        assert Cache(tmp_path, hass.url).load(DESCRIBED) == Told(home.house)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("Lamp", "Limp"),
        lambda text: "",
        lambda text: "[]",
        lambda text: json.dumps({**json.loads(text), "house": None}),
        lambda text: text.replace("Kitchen", "Kitten"),
        lambda text: "\x00" * 100,
    ],
)
def test_a_damaged_cache_is_passed_over(
    tmp_path: Path, damage: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    cache = Cache(tmp_path, "http://a")
    assert cache.load(DESCRIBED) is None
    cache.save(Told(House(names=(Name("Lamp", "light", None, ("x",)),)), {"d": "Kitchen"}))
    assert cache.load(DESCRIBED) == Told(
        House(clock=24, names=(Name("Lamp", "light", None, ("x",)),)), {"d": "Kitchen"}
    )
    assert Cache(tmp_path, "http://b").load(DESCRIBED) is None
    path = tmp_path / "home_assistant.json"
    path.write_text(damage(path.read_text()))
    assert cache.load(DESCRIBED) is None
    assert "damaged" in caplog.text


def test_a_cache_that_cannot_be_written_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    Cache(tmp_path / "file", "http://a").save(Told(House()))
    assert "cannot be kept" in caplog.text


async def page(_: web.Request) -> web.Response:
    return web.Response(text="<html>a router's page</html>", content_type="text/html")


async def test_another_server_is_named() -> None:
    app = web.Application()
    app.router.add_get("/api/websocket", page)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    with pytest.raises(HassError, match=r"is no Home Assistant.*HTTP status 200"):
        await look(url, TOKEN)
    with pytest.raises(HassError, match=r"HTTP status 404"):
        await look(f"{url}/lovelace", TOKEN)
    await runner.cleanup()


async def test_a_server_that_says_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wyoming_servers.home_assistant.socket.CONNECT_S", 0.2)
    mute = socket.create_server(("127.0.0.1", 0))
    with mute, pytest.raises(HassError, match="did not answer within"):
        await look(f"http://127.0.0.1:{mute.getsockname()[1]}", TOKEN)
    with pytest.raises(HassError, match=r"cannot be reached"):
        await look("http://127.0.0.1:1", TOKEN)
    with pytest.raises(HassError, match=r"cannot be reached|did not answer"):  # as quickly as the DNS here says no
        await look("http://no-such-host.invalid:8123", TOKEN)


async def test_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ssl

    made = subprocess.run(  # noqa: ASYNC221
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=hass", "-addext",
         "subjectAltName=IP:127.0.0.1", "-keyout", tmp_path / "key", "-out", tmp_path / "cert"],
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("needs openssl: apt install openssl")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    async with hass_running(tls=tls) as hass:
        hass.light("a", "Lamp")
        with pytest.raises(HassError, match=r"certificate of https://.* is not trusted here.*SSL_CERT_FILE"):
            await look(hass.url, TOKEN)
        with pytest.raises(HassError):
            await look(hass.url.replace("https", "http"), TOKEN)
    async with hass_running() as hass:
        with pytest.raises(HassError, match=r"TLS"):
            await look(hass.url.replace("http", "https"), TOKEN)


async def test_nothing_unexpected_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with hass_running() as hass:
        hass.light("a", "Lamp")
        real, broken = read_told, [True]

        async def failing(*args: Any) -> Told:
            if broken.pop() if broken else False:
                raise ZeroDivisionError
            return await real(*args)

        monkeypatch.setattr(home_module, "read_told", failing)
        async with kept_up(hass, tmp_path) as home:
            await until(lambda: names(home.house) == ["Lamp"])
