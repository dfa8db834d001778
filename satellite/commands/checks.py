"""What `hearth doctor` looks at: each check returns findings, and for each fault what to do about it.

Checks block; they run in a thread, outside any event loop.
"""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from models.engine import EngineError
from models.engines import choose, engines_of
from satellite.sound.sound_device import sounddevice
from wyoming_servers.wire import WireError, describe
from wyoming_servers.wire.mdns import loopback_mdns
from wyoming_servers.wire.network import read_network
from wyoming_servers.wire.options import version
from wyoming_servers.wire.secrets import without_secrets

from .common import PORTS
from .ports import holder

DESCRIBE_S = 2.0
"""How long a program on a server's port may take to prove that it speaks Wyoming."""

_LEAST_FREE_MB = 200

_SPEAK = ("asr", "tts")
"""Jobs whose servers take a language."""

_IMPORT_S = 60.0
"""How long an engine's packages may take to be imported: a Raspberry Pi reads them from an SD card."""


class State(StrEnum):
    """How a thing is."""

    OK = "ok"
    NOTE = "note"  # something cannot be done here; the rest can
    FAULT = "fault"  # something that is here does not work


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    check: str
    state: State
    text: str
    remedy: str = ""
    """What to do; empty where all is well."""


def check_program(_: Path) -> list[Finding]:
    """Look at Hearth itself and its Python."""
    text = f"Hearth {version()} with Python {platform.python_version()} on {platform.machine()}"
    return [Finding("program", State.OK, text)]


def check_engines(_: Path, language: str | None = None) -> list[Finding]:
    """Import what each engine needs, and say which one `auto` takes for each job, and why.

    `language` is what the house is to speak, as asr's and tts' own `--language` says it.
    """
    found = []
    for job in PORTS:
        try:
            found.append(Finding(job, State.OK, choose(job, language=language if job in _SPEAK else None)[0].why))
        except EngineError as error:
            text = f"no {job} server can run here: {error}"
            last = engines_of(job)[-1]
            found.append(Finding(job, State.NOTE, text, last.remedy if last.missing else ""))
        for engine in engines_of(job):
            if not engine.missing and (fault := _import_fault(engine.modules)) is not None:
                remedy = f"{engine.remedy} --force-reinstall"
                found.append(Finding(job, State.FAULT, f"{engine.name} does not load: {fault}", remedy))
    return found


def check_sound(_: Path) -> list[Finding]:
    """Look for sound devices."""
    try:
        module = sounddevice("--mic-command and --snd-command, or --mic-file")
        devices = list(module.query_devices())
    except Exception as error:  # noqa: BLE001 - PortAudio has errors of its own, which are not importable without it
        return [Finding("sound", State.NOTE, str(error).partition(":")[0], str(error).partition(": ")[2])]
    found = []
    for kind, option in (("input", "--mic-command"), ("output", "--snd-command")):
        names = [device["name"] for device in devices if device[f"max_{kind}_channels"]]
        if names:
            found.append(Finding(f"sound {kind}", State.OK, ", ".join(names)))
        else:
            remedy = f"plug one in, or use {option}" + (" or --mic-file" if kind == "input" else "")
            if not os.access("/dev/snd", os.R_OK | os.X_OK) and Path("/dev/snd").exists():
                remedy = "add yourself to the group audio: usermod -a -G audio NAME"
            found.append(Finding(f"sound {kind}", State.NOTE, "no device", remedy))
    return found


def check_cameras(_: Path) -> list[Finding]:
    """Look for cameras."""
    devices = sorted(Path("/dev").glob("video*"))
    if not devices:
        return [
            Finding("camera", State.NOTE, "no /dev/video*", "plug one in, or use --camera with a video or pictures")
        ]
    closed = [str(device) for device in devices if not os.access(device, os.R_OK | os.W_OK)]
    if closed:
        remedy = "add yourself to the group video: usermod -a -G video NAME"
        return [Finding("camera", State.NOTE, f"{', '.join(closed)} cannot be opened by you", remedy)]
    return [Finding("camera", State.OK, ", ".join(map(str, devices)))]


def check_ports(_: Path) -> list[Finding]:
    """Look who is on the servers' default ports."""
    return [_port_finding(job, port) for job, port in PORTS.items()]


def check_multicast(_: Path) -> list[Finding]:
    """Announce something on loopback and find it; say what others would see of this machine."""
    remedy = "bring the loopback interface up (ip link set lo up), and let no firewall stop UDP port 5353 on it"
    try:
        found = asyncio.run(_find_on_loopback())
        here = Finding("zeroconf", State.OK, "servers of this machine can be found by zeroconf")
        if not found:
            here = Finding("zeroconf", State.FAULT, "no multicast DNS on loopback", remedy)
    except Exception as error:  # noqa: BLE001 - zeroconf has many
        here = Finding("zeroconf", State.FAULT, f"no multicast DNS on loopback ({error})", remedy)
    addresses = ", ".join(map(str, read_network().lan_addresses()))
    if not addresses:
        return [
            here,
            Finding("network", State.NOTE, "no local network, only this machine", "for --lan: connect to one"),
        ]
    return [here, Finding("network", State.OK, f"with --lan, others would reach this machine at {addresses}")]


def check_data_dir(data_dir: Path) -> list[Finding]:
    """Write into the data folder."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=data_dir) as file:
            file.write(b"hearth")
        free_mb = shutil.disk_usage(data_dir).free // 2**20
    except OSError as error:
        text = f"{data_dir} cannot be written: {error.strerror}"
        return [Finding("data", State.FAULT, text, "choose another folder with --data-dir or HEARTH_DATA_DIR")]
    if free_mb < _LEAST_FREE_MB:
        return [Finding("data", State.FAULT, f"{data_dir} has {free_mb} MB left", "make room on that disk")]
    return [Finding("data", State.OK, f"{data_dir} can be written")]


CHECKS: tuple[Callable[[Path], list[Finding]], ...] = (
    check_program,
    check_engines,
    check_data_dir,
    check_ports,
    check_multicast,
    check_sound,
    check_cameras,
)


def _port_finding(job: str, port: int) -> Finding:
    check = f"port {port}"
    owner = holder(port)
    if owner is None:
        return Finding(check, State.OK, f"free for the {job} server")
    with suppress(WireError):
        jobs = asyncio.run(describe(f"tcp://127.0.0.1:{port}", DESCRIBE_S)).jobs
        return Finding(check, State.OK, f"in use by {owner}, a server of the job {', '.join(jobs)}")
    remedy = f"stop it, or: hearth serve {job} --uri tcp://127.0.0.1:ANOTHER"
    return Finding(check, State.NOTE, f"in use by {owner}, which speaks no Wyoming", remedy)


async def _find_on_loopback() -> bool:
    from zeroconf.asyncio import AsyncServiceInfo

    kind = "_hearth-doctor._tcp.local."  # nobody else looks for this one
    name = f"{os.getpid()}.{kind}"
    async with loopback_mdns() as one, loopback_mdns() as other:
        service = AsyncServiceInfo(kind, name, port=1, server=name, parsed_addresses=["127.0.0.1"])
        await (await one.async_register_service(service, cooperating_responders=True))
        return await AsyncServiceInfo(kind, name).async_request(other.zeroconf, 3000)


_IMPORT = """
import importlib, sys
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    if name == "cv2" and not hasattr(module, "HOGDescriptor"):
        sys.exit("this OpenCV has no people detector, which is only in opencv-contrib-python-headless")
"""


def _import_fault(modules: tuple[str, ...]) -> str | None:
    """Return why the modules cannot be used, or None; in a process of its own, which a broken library may kill."""
    program = [sys.executable, "-P", "-c", _IMPORT, *modules]
    try:
        done = subprocess.run(
            program, capture_output=True, text=True, timeout=_IMPORT_S, env=without_secrets(), check=False
        )
    except subprocess.TimeoutExpired:
        return f"it takes more than {_IMPORT_S:g} s"
    if done.returncode < 0:
        return f"it crashes with {signal.Signals(-done.returncode).name}"
    return done.stderr.strip().rpartition("\n")[2] if done.returncode else None
