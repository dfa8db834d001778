"""The models of the neural engines: what there is, what is here, and fetching it once.

    hearth models list               what can be pulled, how large it is, and what is here
    hearth models list --loaded      what the servers of this machine have in memory
    hearth models pull NAME...       fetch models, or go on where that was stopped, and check them
    hearth models verify [NAME...]   read all that is here and name what is damaged
    hearth models remove NAME...     delete models
    hearth models path NAME...       where a model lies
    hearth models engines            which engine does which job, and why

--json: list {"name", "job", "engine", "size", "installed", "path", "memory_mb", "licence", "languages", "suits"};
list --loaded {"pid", "job", "engine", "model", "since", "memory"} (Unix seconds, bytes); pull, while it works
{"model", "action", "file", "have", "size"}; at the end pull and path {"model", "path"}, remove {"model", "freed"},
verify {"model", "sound", "damage": [{"file", "path", "what"}]}; engines {"job", "engine", "kind", "version",
"installed", "auto", "why"}. What cannot be done for one model is {"model", "error"}, and the others are still done.
"""

from __future__ import annotations

import asyncio
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable
from functools import partial

from models import store
from models.engine import EngineError, EngineUnavailable
from models.engines import ENGINES, Engine, choose
from models.store import catalog

from .common import Output, UsageError, add_common_options, printable, tell
from .loaded import residents
from .watching import Watch, in_thread, mb


def add_options(parser: ArgumentParser) -> None:
    """Add what to do, with which models, and how."""
    # Not required, but neither "?" nor "*": with these argparse takes no names after an option (`pull --debug NAME`).
    parser.add_argument("action", default="list", choices=[*_ACTIONS], help="what to do (list)").required = False
    parser.add_argument("names", nargs="+", metavar="NAME", help="models of the list").required = False
    parser.add_argument("--loaded", action="store_true", help="list what is in memory")
    parser.add_argument(
        "--local-files-only", action="store_true", help="pull: fetch nothing, check what was brought here otherwise"
    )
    add_common_options(parser)


async def run(args: Namespace) -> int:
    """Do it."""
    names = args.names or []
    if names and args.action in ("list", "engines"):
        raise UsageError(f"'{args.action}' takes no names (did you mean: hearth models path {names[0]}?)")
    if not names and args.action in ("pull", "remove", "path"):
        raise UsageError(f"which one? hearth models {args.action} NAME, of those in: hearth models list")
    return await _ACTIONS[args.action](args, names, Output(json=args.json))


async def _list(args: Namespace, _: list[str], output: Output) -> int:
    if args.loaded:
        return _list_loaded(args, output)
    rows = []
    for model in catalog.models().values():
        path = store.path(model.name)
        output.record(
            name=model.name,
            job=model.job,
            engine=model.engine,
            size=model.size,
            installed=path is not None,
            path=str(path) if path else None,
            memory_mb=model.memory_mb,
            licence=model.licence,
            languages=model.languages,
            suits=model.suits,
        )
        spoken = ", ".join(model.languages) if len(model.languages) < 3 else str(len(model.languages))
        here = "yes" if path else "no"
        memory = f"{model.memory_mb} MB"
        rows.append((model.name, model.job, here, mb(model.size), memory, spoken, model.licence, model.suits))
    output.table(("name", "job", "here", "size", "memory", "languages", "licence", "suits"), rows)
    return 0


def _list_loaded(args: Namespace, output: Output) -> int:
    found = residents(args.data_dir)
    for one in found:
        output.record(pid=one.pid, job=one.job, engine=one.engine, model=one.model, since=one.since, memory=one.memory)
    rows = [
        (one.job, one.engine, one.model or "its own", mb(one.memory), _ago(one.since), str(one.pid)) for one in found
    ]
    if rows:
        output.table(("job", "engine", "model", "memory", "loaded", "process"), rows)
    elif not output.json:
        tell(f"nothing is loaded by servers whose --data-dir is {args.data_dir}")
    return 0


async def _pull(args: Namespace, names: list[str], output: Output) -> int:
    async def pull(name: str) -> None:
        with Watch(name, output) as watch:
            work = partial(store.pull, name, local_files_only=args.local_files_only, progress=watch)
            try:
                path = await in_thread(lambda cancelled: work(cancelled=cancelled))
            except asyncio.CancelledError:
                tell(f"stopped; to go on from what is here: hearth models pull {name}")
                raise
        output.record(model=name, path=str(path))
        output.line(str(path))

    return await _each(names, output, pull)


async def _verify(_: Namespace, names: list[str], output: Output) -> int:
    here = [name for name in store.names() if store.path(name) is not None]
    if not (names or here):
        tell("no model is here: hearth models list")

    async def verify(name: str) -> None:
        with Watch(name, output) as watch:
            work = partial(store.verify, name, progress=watch)
            found = await in_thread(lambda cancelled: work(cancelled=cancelled))
        damage = [{"file": one.file, "path": str(one.path), "what": one.what} for one in found]
        output.record(model=name, sound=not found, damage=damage)
        if found:
            what = "; ".join(f"{one.path} is {one.what}" for one in found)
            raise store.StoreError(f"{what}: hearth models pull {name}")
        output.line(f"{name}: sound")

    return await _each(names or here, output, verify)


async def _remove(_: Namespace, names: list[str], output: Output) -> int:
    async def remove(name: str) -> None:
        freed = store.remove(name)
        output.record(model=name, freed=freed)
        output.line(f"{name}: {mb(freed)} freed")

    return await _each(names, output, remove)


async def _path(_: Namespace, names: list[str], output: Output) -> int:
    async def path(name: str) -> None:
        found = store.path(name)
        if found is None:
            raise store.StoreError(f"{name} is not here: hearth models pull {name}")
        output.record(model=name, path=str(found))
        output.line(str(found))

    return await _each(names, output, path)


async def _engines(_: Namespace, __: list[str], output: Output) -> int:
    rows = []
    for engine in ENGINES:
        auto, why = _why(engine)
        output.record(
            job=engine.job,
            engine=engine.name,
            kind=engine.kind,
            version=engine.version,
            installed=not engine.missing,
            auto=auto,
            why=why,
        )
        rows.append((engine.job, engine.name, engine.kind, engine.version or "none", why))
    output.table(("job", "engine", "kind", "version", "auto"), rows)
    return 0


_ACTIONS: dict[str, Callable[[Namespace, list[str], Output], Awaitable[int]]] = {
    "list": _list,
    "pull": _pull,
    "verify": _verify,
    "remove": _remove,
    "path": _path,
    "engines": _engines,
}


async def _each(names: list[str], output: Output, work: Callable[[str], Awaitable[None]]) -> int:
    """Do `work` for each model; return the exit status, 1 where it failed for any."""
    status = 0
    for name in dict.fromkeys(names):
        try:
            await work(name)
        except EngineError as error:
            status = 1
            if output.json:
                output.record(model=name, error=printable(str(error)))
            else:
                tell(str(error))
    return status


def _why(engine: Engine) -> tuple[bool, str]:
    """Return whether `auto` takes an engine, and why."""
    taken = None
    try:
        taken = choose(engine.job)[0]
        if taken.engine is engine:
            return True, taken.why
        choose(engine.job, engine.name)
    except EngineUnavailable as error:
        return False, f"not taken: {error}"
    return False, f"not taken: {taken.engine.name} goes first"


def _ago(since: float) -> str:
    minutes = max(0, int(time.time() - since)) // 60
    return f"{minutes // 60} h {minutes % 60} min ago" if minutes >= 60 else f"{minutes} min ago"
