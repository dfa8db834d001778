"""The pages in docs/ and the README are true: their commands run, their options exist, their links lead somewhere."""

from __future__ import annotations

import argparse
import importlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tomllib
from argparse import ArgumentParser
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from satellite.cli import COMMANDS
from satellite.commands.common import PORTS
from wyoming_servers.program import parser as server_parser
from wyoming_servers.wire.options import Parser

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "deploy" / "addon" / "DOCS.md"]
BLOCK = re.compile(r"^```([a-z]*) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    kind: str
    file: str
    """Where its text is written to, for what is no command"""
    text: str


def blocks(page: Path) -> list[Block]:
    return [Block(*found) for found in BLOCK.findall(page.read_text())]


def commands(text: str) -> list[list[str]]:
    """Return the words of each command `hearth` in a block, from its subcommand on."""
    found = []
    for line in re.sub(r"\\\n", " ", text).splitlines():
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            continue
        for place, word in enumerate(words):
            if (word == "hearth" or word.endswith("/hearth")) and place + 1 < len(words):
                found.append(words[place + 1 :])
                break
    return found


@cache
def options(command: str, job: str = "") -> frozenset[str]:
    if command == "serve":
        known: ArgumentParser = server_parser(importlib.import_module(f"wyoming_servers.{job}").JOB)
    else:
        known = Parser(prog=command)
        importlib.import_module(f"satellite.commands.{command.replace('-', '_')}").add_options(known)
    below = [
        choice
        for action in known._actions
        if isinstance(action, argparse._SubParsersAction)
        for choice in action.choices.values()
    ]
    return frozenset(name for each in (known, *below) for action in each._actions for name in action.option_strings)


def unknown(words: list[str]) -> list[str]:
    """Return what is wrong with a command: its options that there are not."""
    command, *rest = words
    if command not in COMMANDS:
        return [] if command.startswith("-") else [command]
    known = set(options(command, rest[0])) if command == "serve" and rest and rest[0] in PORTS else set()
    if command != "serve":
        known |= options(command)
    if command == "install-service":
        inner = next((place for place, word in enumerate(rest) if not word.startswith("-")), len(rest))
        return [word for word in rest[:inner] if word not in known] + (unknown(rest[inner:]) if rest[inner:] else [])
    return [word for word in rest if word.startswith("--") and word.partition("=")[0] not in known]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_blocks_have_these_options(page: Path) -> None:
    for block in blocks(page):
        for words in commands(block.text):
            assert not unknown(words), f"{page.name}: hearth {shlex.join(words)}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_can_be_typed_as_they_stand(page: Path) -> None:
    """Who followed the page so far has no `hearth` but the one in .venv, and no package of ours in an index."""
    activated = False
    for line in re.sub(r"\\\n", " ", page.read_text()).splitlines():
        activated = activated or "source .venv/bin/activate" in line
        if re.match(r"([A-Z_]+=\S+ |sudo |[a-z]+ \| )*hearth [a-z]", line):
            assert activated, f"{page.name}: {line}"
        assert activated or "wyoming-hearth[" not in line, f"{page.name}: {line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_scripts_and_what_they_install_exist(page: Path) -> None:
    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    text = page.read_text()
    for name in re.findall(r"(?<![\w./])script/([\w-]+)", text):
        assert (ROOT / "script" / name).is_file(), f"{page.name}: script/{name}"
    for wanted in re.findall(r"script/setup(?: --neural)? ([a-z,]+)(?=[`\n])", text):
        assert set(wanted.split(",")) <= extras, f"{page.name}: script/setup {wanted}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_named_in_the_text_exist(page: Path) -> None:
    every = {name for command in COMMANDS if command != "serve" for name in options(command)}
    every |= {name for job in PORTS for name in options("serve", job)}
    others = {
        "--neural",
        "--only",
        "--help",
        "--version",
        "--profile",
        "--fix",
        "--force-reinstall",
        "--now",
        "--system-site-packages",
        "--build",
        "--volumes",
    }
    text = BLOCK.sub("", page.read_text())
    for code in re.findall(r"`([^`]+)`", text):
        for name in re.findall(r"(?<![\w-])--[a-z][a-z-]*(?![\w…-])", code):
            assert name in every | others, f"{page.name}: {code}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"} == set(
        re.findall(r"\]\((\S+\.md)\)", index)
    )


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(block.kind == "sh" for block in blocks(page))], ids=lambda page: page.name
)
def test_a_page_can_be_followed(page: Path, tmp_path: Path) -> None:
    """Run what is marked `sh` as one session, in an empty folder, with the other marked blocks as files."""
    for port in map(int, re.findall(r"tcp://127\.0\.0\.1:(\d+)", page.read_text())):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                pytest.skip(f"port {port} is in use here")
    script = "set -eu\n"
    for block in blocks(page):
        if block.file:
            (tmp_path / block.file).write_text(block.text)
        elif block.kind == "sh":
            script += block.text
            # A person waits until what was started is ready.
            for port in re.findall(r"--uri tcp://127\.0\.0\.1:(\d+) &$", block.text, re.MULTILINE):
                script += f"until (exec 9<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null; do sleep 0.2; done\n"
    home = {"HOME": str(tmp_path), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    if "PYTHONPATH" in os.environ:
        home["PYTHONPATH"] = os.environ["PYTHONPATH"]
    with subprocess.Popen(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=home,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as session:
        try:
            session.wait(timeout=100)
        finally:
            os.killpg(session.pid, signal.SIGTERM)
        assert session.stdout is not None
        said = session.stdout.read()
    assert session.returncode == 0, said
    assert "Traceback" not in said
    assert said.count("12 times 9 is 108") >= 2
    assert "7 times 6 is 42" in said
    for name in ("answer.wav", "seven-times-six.wav"):
        assert (tmp_path / name).stat().st_size > 10_000
