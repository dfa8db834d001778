"""Services started, changed and removed through systemctl. All of it blocks: call it in a thread."""

from __future__ import annotations

import os
import pwd
import shlex
import subprocess
import time
from pathlib import Path
from typing import Final

from .unit import MARK, Unit

_CALL_S = 60.0

SETTLE_S: Final = 2.0
"""So long a service must run before it is said to run."""


class SystemdError(Exception):
    """systemd does not do it; the message says why."""


def path_of(unit: Unit) -> Path:
    """Return where the unit's file belongs."""
    if unit.system:
        return Path("/etc/systemd/system", unit.name)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config", "systemd", "user", unit.name)


def install(unit: Unit) -> str:
    """Write the unit, have it started now and at every boot, and return what to tell of it.

    What is there already and the same is left running; what is different is started anew. Raises `SystemdError`, also
    where the service does not stay up.
    """
    _check()
    text, path, before = unit.text(), path_of(unit), _ours(unit)
    for folder in unit.writable:
        _make_folder(folder, unit.user)
    if text != before:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        _systemctl(unit, "daemon-reload")
    _systemctl(unit, "enable", "--quiet", unit.name)
    _systemctl(unit, "start" if text == before else "restart", unit.name)
    time.sleep(SETTLE_S)
    log = f"{'sudo journalctl' if unit.system else 'journalctl --user'} -u {unit.name}"
    try:
        _systemctl(unit, "is-active", "--quiet", unit.name)
    except SystemdError:
        raise SystemdError(f"{unit.name} is installed, but does not stay up; why: {log} -n 20") from None
    when = "at every boot" if unit.system or _lingers() else "whenever you log in (at boot: loginctl enable-linger)"
    return f"{unit.name} runs now and {when}; its log: {log}"


def remove(unit: Unit) -> str:
    """Stop the service, remove its unit, and return what to tell of it; raises `SystemdError`."""
    _check()
    if _ours(unit) is None:
        return f"there is no {unit.name}"
    _systemctl(unit, "disable", "--quiet", "--now", unit.name)
    path_of(unit).unlink()
    _systemctl(unit, "daemon-reload")
    return f"{unit.name} is stopped and removed"


def _check() -> None:
    if not Path("/run/systemd/system").is_dir():
        raise SystemdError("this machine is not run by systemd; --print shows the service that it would have")


def _ours(unit: Unit) -> str | None:
    """Return the file that is there, or None; raise `SystemdError` for one that is somebody else's."""
    path = path_of(unit)
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    if not text.startswith(MARK):
        raise SystemdError(f"{path} is not Hearth's: move it away first")
    return text


def _make_folder(folder: Path, owner: str | None) -> None:
    """Make a folder that the service writes, as its user's: what is not there cannot be opened to it."""
    for path in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        path.mkdir(mode=0o700)
        if owner is not None:
            entry = pwd.getpwnam(owner)
            os.chown(path, entry.pw_uid, entry.pw_gid)


def _lingers() -> bool:
    """Have our services start at boot and not at our login; return True where they do."""
    try:
        _call("loginctl", "enable-linger")
    except SystemdError:  # not allowed; root may have allowed it before
        return Path("/var/lib/systemd/linger", pwd.getpwuid(os.getuid()).pw_name).exists()
    return True


def _systemctl(unit: Unit, *words: str) -> None:
    _call("systemctl", "--no-ask-password", *([] if unit.system else ["--user"]), *words)


def _call(*command: str) -> None:
    """Run a command of systemd's; raise `SystemdError` with what it says."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_CALL_S, check=False)
    except FileNotFoundError:
        raise SystemdError(f"there is no {command[0]} here") from None
    except subprocess.TimeoutExpired:
        raise SystemdError(f"'{shlex.join(command)}' was not done after {_CALL_S:g} s") from None
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip() or f"status {done.returncode}"
        raise SystemdError(f"'{shlex.join(command)}' failed: {said}")
