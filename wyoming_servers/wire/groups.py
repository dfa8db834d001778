"""Errors of task groups.

An `except*` that raises another error is not used here: Python 3.11.2, which Debian 12 has, puts that error into a
group again, and later ones do not.
"""

from __future__ import annotations


def first_of(error: BaseException) -> BaseException:
    """Return the first error in a group, which may hold groups; it is why the other tasks were cancelled."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
