"""A server of the real kind with nothing behind it: `python small_server.py JOB --uri …`, run by tests as a process."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from wyoming.event import Event
from wyoming.info import Artifact, AsrModel, AsrProgram, Attribution, TtsProgram, TtsVoice

from wyoming_servers.program import Job, main
from wyoming_servers.service import Client, Session
from wyoming_servers.wire import Info
from wyoming_servers.wire.parent import follow_parent


class Deaf(Session):
    async def handle(self, event: Event) -> None:
        pass


def info(job: str) -> Info:
    about = Artifact("small", Attribution("test", "test"), True, "small", "1")
    if job == "asr":
        return Info(asr=[AsrProgram(**vars(about), models=[AsrModel(**vars(about), languages=["en"])])])
    return Info(tts=[TtsProgram(**vars(about), voices=[TtsVoice(**vars(about), languages=["en"])])])


def job(name: str) -> Job:
    @asynccontextmanager
    async def opened(args: Namespace) -> AsyncIterator[tuple[Info, Callable[[Client], Session]]]:
        yield info(name), Deaf

    def no_options(parser: ArgumentParser) -> None:
        pass

    return Job(name, {"asr": 10300, "tts": 10200}[name], "small", no_options, opened)


if __name__ == "__main__":
    follow_parent()
    sys.exit(main(job(sys.argv[1]), sys.argv[2:]))
