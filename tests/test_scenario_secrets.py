"""What `hearth up` is told in confidence, and who else on the machine comes to see it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest

from satellite.commands.common import PORTS
from satellite.services.rehearsal import free_ports
from tests.wyoming_servers.home_assistant.hass import TOKEN, hass_running

PASSWORD = "open-sesame"
LONG_S = 60.0


def sees(process: psutil.Process, secret: str) -> str:
    """Return where a process shows the secret: on its command line, in its environment, or not at all."""
    if any(secret in word for word in process.cmdline()):
        return "command line"
    return "environment" if any(secret in value for value in process.environ().values()) else ""


def listens(pid: int) -> bool:
    """Return whether the microphone's command runs."""
    return any("talker.py" in word for one in psutil.Process(pid).children() for word in one.cmdline())


@pytest.mark.timeout(200)
async def test_nobody_is_told_who_does_not_need_it(tmp_path: Path) -> None:
    http, broker, *ports = free_ports(len(PORTS) + 2)
    talker = f"{sys.executable} {Path(__file__).parent / 'talker.py'} {tmp_path}"
    log = tmp_path / "log"
    async with hass_running() as hass:
        with log.open("wb") as errors:
            up = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "satellite", "up", "--json", "--debug", "--data-dir", tmp_path / "data"),
                *(f"--port={job}={port}" for job, port in zip(PORTS, ports, strict=True)),
                *("--mic-command", talker, "--snd-folder", tmp_path / "answers", f"--http=127.0.0.1:{http}"),
                *("--mqtt-host=127.0.0.1", f"--mqtt-port={broker}", "--mqtt-username=hearth"),
                *(f"--hass-url={hass.url}", f"--hass-token={TOKEN}"),
                env=os.environ | {"HEARTH_MQTT_PASSWORD": PASSWORD},
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
            )
        assert up.stdout is not None
        said = b""
        try:
            async with asyncio.timeout(LONG_S):
                ready: dict[str, int] = {}
                while len(ready) < len(PORTS):
                    line = await up.stdout.readline()
                    assert line, log.read_text()
                    said += line
                    event = json.loads(line)
                    if event["event"] == "server" and event["state"] == "ready":
                        ready[event["job"]] = event["pid"]
                while not listens(up.pid):  # noqa: ASYNC110 - commands tell nobody
                    await asyncio.sleep(0.05)
            assert hass.logins == [TOKEN, TOKEN]  # of asr and handle
            family = psutil.Process(up.pid).children(recursive=True)
            assert len(family) > len(PORTS) + 1  # the microphone's command, and workers of engines
            for process in family:
                who = next((job for job, pid in ready.items() if pid == process.pid), "")
                assert sees(process, TOKEN) == ("environment" if who in {"asr", "handle"} else ""), process.cmdline()
                assert not sees(process, PASSWORD), process.cmdline()
            metrics = await asyncio.to_thread(urllib.request.urlopen, f"http://127.0.0.1:{http}/metrics", timeout=10)
            said += metrics.read()
        finally:
            up.send_signal(signal.SIGTERM)
            said += (await up.communicate())[0]
    assert up.returncode == 0
    said += log.read_bytes()
    assert b"HEARTH_HASS_TOKEN_FILE" in said  # how to do it better
    assert TOKEN.encode() not in said
    assert PASSWORD.encode() not in said
