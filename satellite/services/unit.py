"""systemd units: what is written into one, and what a service is kept from.

`deploy/systemd` holds the units of an installation in /opt/hearth, made by the same function.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

MARK: Final = "# Written by Hearth."
"""The first line of each unit of ours."""

GROUPS: Final = ("audio", "video", "gpio")
"""Who may use sound devices, cameras, and the pins of a Raspberry Pi."""

# What the audio, camera and GPIO devices are called, by kind; /dev/gpiomem is the older way to the pins.
_DEVICES: Final = ("char-alsa", "char-video4linux", "char-media", "char-gpiochip", "/dev/gpiomem")

_CLOSED: Final = """\
# It needs none of this. (MemoryDenyWriteExecute is left out: what the neural engines run is made while they run.)
LockPersonality=yes
NoNewPrivileges=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
UMask=0077
"""

# What only the machine's own service manager can close.
_SYSTEM_CLOSED: Final = """\
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
"""


@dataclass(frozen=True)
class Unit:
    """One service."""

    name: str
    """As systemctl has it, such as hearth-satellite.service"""

    what: str
    """Shown by `systemctl status`"""

    command: Sequence[str]
    """The program, an absolute path, and its arguments"""

    system: bool = True
    """Of the machine; else of one user, by their own service manager."""

    user: str | None = None
    """Who runs a service of the machine; None: a user `hearth` that systemd makes while it runs."""

    environment: Mapping[str, str] = field(default_factory=dict)
    environment_file: str = ""
    """A file of further variables, which need not be there"""

    folder: Path | None = None
    """Where relative paths among the arguments begin"""

    writable: Sequence[Path] = ()
    """Folders it may write, of those outside its own"""

    devices: bool = False
    """It needs sound devices, cameras and pins."""

    groups: Sequence[str] = GROUPS
    """Those of `GROUPS` that this machine has: systemd starts nothing in a group that there is not."""

    def text(self) -> str:
        """Return the unit's file; raises ValueError for what systemd can take in no way."""
        return "".join(self._lines())

    def _lines(self) -> Iterable[str]:
        yield f"{MARK} To change something: systemctl {'' if self.system else '--user '}edit {self.name}\n"
        yield f"[Unit]\nDescription={escape(self.what)}\n"
        if self.system:
            yield f"Wants=network-online.target\nAfter=network-online.target{' sound.target' if self.devices else ''}\n"
        yield "\n[Service]\nType=exec\n"
        yield f"ExecStart={' '.join([_program(self.command[0]), *map(argument, self.command[1:])])}\n"
        if self.folder is not None:
            yield f"WorkingDirectory=-{escape(str(self.folder))}\n"
        for name, value in self.environment.items():
            yield f"Environment={quote(f'{name}={value}')}\n"
        if self.environment_file:
            yield f"EnvironmentFile=-{self.environment_file}\n"
        # 2 means wrong options, or what is not installed: the same the next time.
        yield "Restart=always\nRestartSec=3\nRestartPreventExitStatus=2\nKillMode=mixed\nTimeoutStopSec=10\n\n"
        if self.system:
            yield from self._as_whom()
            yield from self._with_devices()
            yield _SYSTEM_CLOSED
            for path in self.writable:
                yield f"ReadWritePaths={quote(f'-{path}')}\n"
        yield f"{_CLOSED}\n[Install]\nWantedBy={'multi-user' if self.system else 'default'}.target\n"

    def _as_whom(self) -> Iterable[str]:
        if self.user is None:
            yield "User=hearth\nDynamicUser=yes\nStateDirectory=hearth\nCacheDirectory=hearth\n"
            yield "Environment=HOME=/var/lib/hearth HEARTH_DATA_DIR=/var/lib/hearth XDG_CACHE_HOME=/var/cache/hearth\n"
        else:
            yield f"User={escape(self.user)}\n"

    def _with_devices(self) -> Iterable[str]:
        if not self.devices:
            yield "PrivateDevices=yes\n"
            return
        if self.groups:
            yield f"SupplementaryGroups={' '.join(self.groups)}\n"
        yield "DevicePolicy=closed\n"
        for device in _DEVICES:
            yield f"DeviceAllow={device} rw\n"


def argument(text: str) -> str:
    """Return an argument of ExecStart= that arrives as `text`, whatever is in it but a NUL."""
    return quote(text.replace("$", "$$"))


def quote(text: str) -> str:
    r"""Return `text` as one word of a unit: in double quotes where need be, specifiers (%) and escapes (\) undone."""
    escaped = escape(text)
    plain = escaped == text.replace("%", "%%") and not set(escaped) & set(" '\";")
    return escaped if plain and escaped else '"' + escaped.replace('"', '\\"') + '"'


def escape(text: str) -> str:
    r"""Return `text` for a unit, with specifiers (%), backslashes and control characters (\n) written out.

    Raises ValueError for a NUL, which cannot be in an argument, a path or a variable.
    """
    if "\0" in text:
        raise ValueError(f"{text!r:.60} holds a NUL, which no service can be given")
    escaped = text.replace("\\", "\\\\").replace("%", "%%")
    return "".join(char if char.isprintable() else _code(char) for char in escaped)


def _code(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))


def _program(path: str) -> str:
    """Return the program of ExecStart=, in which systemd takes no variables and not all escapes."""
    if not path.isprintable() or set(path) & set("$\\\"'"):
        raise ValueError(f"systemd cannot start {path!r}: move Hearth to a folder without $, quotes and backslashes")
    return quote(path)
