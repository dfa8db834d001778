"""Commands that take files: every file is one answer or one line of error, and a bad one does not stop the others."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

from wyoming_servers.wire import WireError

from .common import CommandError, Output, printable, tell
from .reach import reach

T = TypeVar("T")


async def for_each(
    paths: Sequence[Path],
    job: str,
    args: Namespace,
    output: Output,
    *,
    check: Callable[[Path], T],
    work: Callable[[str, T], Awaitable[None]],
) -> int:
    """Check all files, then call `work` with a server's URI and what `check` made of each good one.

    `check` raises `CommandError` for a bad file, `work` that or `WireError`, both without the file's name. Without a
    good file no server is sought.
    Returns the exit status: 1 where anything failed.
    """
    failed = False

    def fail(path: Path, text: str) -> None:
        nonlocal failed
        failed = True
        if output.json:
            output.record(file=str(path), error=printable(text))
        else:
            tell(f"{path}: {text}")

    good: list[tuple[Path, T]] = []
    for path in paths:
        try:
            good.append((path, check(path)))
        except CommandError as error:
            fail(path, str(error))
    if good:
        async with reach(job, args) as uri:
            for path, item in good:
                try:
                    await work(uri, item)
                except (CommandError, WireError) as error:
                    fail(path, str(error))
    return int(failed)
