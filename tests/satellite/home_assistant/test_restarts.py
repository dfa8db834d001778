"""Either side is started again: a real process that is killed in the middle of a turn, and Home Assistant as it is."""

from __future__ import annotations

from pathlib import Path

from bench.assistant import home_assistant
from satellite.services.rehearsal import free_ports
from tests.satellite.home_assistant.running import satellite
from tests.satellite.houses import until
from tests.wyoming_servers.test_advertise import listening


async def test_a_satellite_that_was_killed_in_a_turn_is_there_again_at_once(tmp_path: Path) -> None:
    uri = f"tcp://127.0.0.1:{free_ports(1)[0]}"
    async with satellite(tmp_path, uri) as process, home_assistant(uri) as assistant:
        await until(lambda: assistant.doing == "asr")
        process.kill()
        await assistant.until(lambda me: me.hung_up, 5)
    async with satellite(tmp_path, uri), home_assistant(uri) as assistant:
        await assistant.until(lambda me: me.played == 1)
        assert assistant.info is not None


async def test_home_assistant_that_was_killed_in_a_turn_finds_a_satellite_that_begins_anew(tmp_path: Path) -> None:
    uri = f"tcp://127.0.0.1:{free_ports(1)[0]}"
    async with satellite(tmp_path, uri):
        for _ in range(2):
            async with home_assistant(uri) as assistant:
                assistant.thinks_s = 60.0
                await until(lambda: assistant.doing == "handle")
                assistant.reset()
        async with home_assistant(uri) as assistant:
            await assistant.until(lambda me: me.played == 1)
            assert len(assistant.runs) >= 1


async def test_it_is_discovered_once_it_listens_and_under_the_same_name_again(
    tmp_path: Path,
) -> None:
    uri = f"tcp://127.0.0.1:{free_ports(1)[0]}"
    async with listening() as stranger:
        for _ in range(2):
            async with satellite(tmp_path, uri, name="kitchen") as process:
                await stranger.until(bool)
                assert stranger.names == {"kitchen"}
                async with home_assistant(uri) as assistant:
                    await assistant.until(lambda me: me.info is not None)
                service = await stranger.look_up("kitchen")
                assert f"tcp://127.0.0.1:{service.port}" == uri
                process.terminate()
                assert await process.wait() == 0
            await stranger.until(lambda names: not names)
