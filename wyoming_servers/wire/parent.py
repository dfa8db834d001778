"""A process that must not outlive the one which started it, however that one ends."""

from __future__ import annotations

import ctypes
import os
import signal

PARENT_VARIABLE = "HEARTH_PARENT"
"""Environment variable: the process id that a child is to follow. The parent sets it, the child takes it out."""

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def follow_parent() -> None:
    """Ask the kernel for a SIGTERM when the parent ends, if that parent wants to be followed.

    Call it first thing, from the main thread. Even a SIGKILL of the parent then ends this process; strictly, the end of
    the thread that started it does.
    """
    parent = os.environ.pop(PARENT_VARIABLE, None)
    if parent is None:
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if str(os.getppid()) != parent:  # it ended before we asked
        signal.raise_signal(signal.SIGTERM)
