from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from models.engine import BadInput, EngineError, EngineUnavailable
from wyoming_servers import process, workers
from wyoming_servers.process import EngineCrashed, WorkerDied
from wyoming_servers.wire import Busy
from wyoming_servers.workers import Processes

ENGINES = "tests.wyoming_servers.engines"


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - the test looks from outside
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def engines_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


@asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """Check that a block leaves no process, task or descriptor."""
    gc.collect()
    descriptors, tasks = psutil.Process().num_fds(), asyncio.all_tasks()
    yield
    await asyncio.sleep(0)
    assert not [child for child in psutil.Process().children() if "wyoming_servers.worker" in child.cmdline()]
    assert asyncio.all_tasks() == tasks
    gc.collect()
    assert psutil.Process().num_fds() <= descriptors + 1  # asyncio keeps one to watch children


@asynccontextmanager
async def processes(factory: str = "make", **options: Any) -> AsyncIterator[Processes]:
    async with nothing_left():
        pool = Processes(f"{ENGINES}:{factory}", **options)
        await pool.start()
        try:
            yield pool
        finally:
            await pool.close()


async def test_calls_and_their_results() -> None:
    async with nothing_left():
        pool = Processes(f"{ENGINES}:make", {"name": "given"}, count=2)
        assert await pool.start() == {"name": "given", "version": "1"}
        async with pool.stream() as first, pool.stream() as second:
            assert await first.call("pid") != await second.call("pid")
            assert await first.call("feed", bytes(100_000)) == 100_000
            assert await first.call("feed", b"1") == 100_001
            assert await second.call("feed", b"1") == 1
        await pool.close()


async def test_what_is_closed_does_what_nobody_waits_for(tmp_path: Path) -> None:
    async with processes(count=1) as pool:
        async with pool.stream() as stream:
            await stream.call("leave_at", tmp_path / "left")
        async with asyncio.timeout(60), pool.stream() as stream:
            assert await stream.call("feed", b"12") == 2
        assert (tmp_path / "left").exists()


async def test_errors_come_across() -> None:
    async with processes(count=1) as pool:
        async with pool.stream() as stream:
            with pytest.raises(BadInput, match="bad input"):
                await stream.call("bad")
            with pytest.raises(RuntimeError, match="ZeroDivisionError"):
                await stream.call("bug")
            assert await stream.call("feed", b"1") == 1
        with pytest.raises(BadInput, match="bad argument"):
            async with pool.stream(bad=True):
                pass
        async with pool.stream() as stream:
            assert await stream.call("feed", b"1") == 1


@pytest.mark.parametrize(
    ("factory", "error", "said"),
    [
        ("unavailable", EngineUnavailable, "pip install"),
        ("broken", EngineError, "secret"),
        ("missing", EngineError, "missing"),
        ("dying", EngineError, "ended with status 3 while its engine was being built"),
    ],
)
async def test_an_engine_that_cannot_be_built(factory: str, error: type[Exception], said: str) -> None:
    async with nothing_left():
        with pytest.raises(error, match=said):
            await Processes(f"{ENGINES}:{factory}", count=2).start()


async def test_an_engine_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "START_S", 0.5)
    async with nothing_left():
        with pytest.raises(EngineError, match="was not ready"):
            await Processes(f"{ENGINES}:slow", count=2).start()


async def test_a_start_that_is_cancelled_leaves_nothing() -> None:
    async with nothing_left():
        starting = asyncio.create_task(Processes(f"{ENGINES}:slow", count=2).start())
        await asyncio.sleep(0.3)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting


async def test_who_waits_is_served_in_turn_and_too_many_are_busy() -> None:
    order: list[int] = []

    async with processes(count=1, streams=1, queue=3) as pool:

        async def use(number: int) -> None:
            async with pool.stream() as stream:
                order.append(number)
                await stream.call("sleep", 0.02)

        users = [asyncio.create_task(use(number)) for number in range(4)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            async with pool.stream():
                pass
        await asyncio.gather(*users)
        assert order == [0, 1, 2, 3]


async def test_who_comes_later_does_not_overtake() -> None:
    async with processes(count=1, streams=1, queue=2) as pool:
        order: list[str] = []

        async def use(name: str) -> None:
            async with pool.stream():
                order.append(name)

        async with pool.stream():
            waiting = asyncio.create_task(use("waiting"))
            await asyncio.sleep(0.01)
        await use("later")
        await waiting
        assert order == ["waiting", "later"]


async def test_a_place_waited_for_in_vain_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_PLACE_S", 0.1)
    async with processes(count=1) as pool:
        async with pool.stream():
            with pytest.raises(Busy):
                async with pool.stream():
                    pass
        async with pool.stream() as stream:
            assert await stream.call("feed", b"") == 0


async def test_cancelled_while_waiting_for_a_place_loses_none() -> None:
    async with processes(count=1, queue=100) as pool:

        async def use() -> None:
            async with pool.stream() as stream:
                await stream.call("feed", b"")

        for moment in range(8):
            async with pool.stream():
                waiting = [asyncio.create_task(use()) for _ in range(3)]
                await asyncio.sleep(0)
            for _ in range(moment):
                await asyncio.sleep(0)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            async with asyncio.timeout(60), pool.stream() as stream:
                assert await stream.call("feed", b"12") == 2
        assert [worker.streams for worker in pool._workers] == [0]
        assert not pool._waiting


async def test_a_cancelled_call_leaves_at_once_and_its_answer_is_nobodys() -> None:
    async with processes(count=1) as pool:
        async with pool.stream() as stream:
            call = asyncio.create_task(stream.call("sleep", 0.5))
            await asyncio.sleep(0.1)
            call.cancel()
            async with asyncio.timeout(0.2):
                await asyncio.gather(call, return_exceptions=True)
        async with pool.stream() as stream:
            assert await stream.call("feed", b"123") == 3


async def test_a_killed_process_fails_its_calls_and_is_replaced(caplog: pytest.LogCaptureFixture) -> None:
    async with processes(count=1) as pool:
        async with pool.stream() as stream:
            pid = await stream.call("pid")
            call = asyncio.create_task(stream.call("sleep", 100))
            await asyncio.sleep(0.1)
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(WorkerDied):
                await call
            with pytest.raises(WorkerDied):
                await stream.call("feed", b"")
        async with asyncio.timeout(60), pool.stream() as stream:
            assert await stream.call("pid") != pid
        assert any("was killed (SIGKILL" in record.message for record in caplog.records)


async def test_one_that_dies_does_not_disturb_the_other() -> None:
    async with processes(count=2) as pool, pool.stream() as first, pool.stream() as second:
        with pytest.raises(WorkerDied):
            await first.call("die")
        assert await second.call("feed", b"1") == 1
        async with asyncio.timeout(60), pool.stream() as third:
            assert await third.call("feed", b"1") == 1


async def test_a_call_that_hangs_is_given_up_and_its_process_replaced() -> None:
    async with processes(count=1, call_s=1.0) as pool:
        async with pool.stream() as stream:
            with pytest.raises(WorkerDied, match="did not answer within 1 s"):
                await stream.call("sleep", 100)
        async with asyncio.timeout(60), pool.stream() as stream:
            assert await stream.call("feed", b"1") == 1


async def test_a_process_that_cannot_be_replaced_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(workers, "_RESTART_S", (0.0, 0.1))
    flag = tmp_path / "flag"
    async with processes("once", arguments={"flag": str(flag)}, count=1) as pool:
        with pytest.raises(WorkerDied):
            async with pool.stream() as stream:
                await stream.call("die")
        await until(lambda: any("not twice" in record.getMessage() for record in caplog.records))
        flag.unlink()
        await until(lambda: pool._workers[0].is_alive)
        async with pool.stream() as stream:
            assert await stream.call("feed", b"1") == 1


async def test_a_crash_in_native_code_is_told_with_its_signal_and_model() -> None:
    async with nothing_left():
        pool = Processes(f"{ENGINES}:crashing", {"model": "/tmp/some.gguf"}, count=1)
        with pytest.raises(
            EngineCrashed, match=r"crashed in native code \(SIGSEGV\) while its engine of /tmp/some.gguf"
        ):
            await pool.start()


async def test_closing_a_stream_cancels_the_call_that_runs() -> None:
    async with processes("Parallel", count=1, streams=2) as pool, pool.stream() as other:
        async with pool.stream() as stream:
            waiting = asyncio.create_task(stream.call("wait"))
            await asyncio.sleep(0.1)
            assert await other.call("waited") == []
            waiting.cancel()
        async with asyncio.timeout(60):
            while not (waited := await other.call("waited")):  # noqa: ASYNC110 - it is another process' event
                await asyncio.sleep(0.01)
        assert waited == [True]


async def test_streams_of_a_concurrent_engine_do_not_wait_for_each_other() -> None:
    async with processes("Parallel", count=1, streams=2) as pool, pool.stream() as slow, pool.stream() as quick:
        sleeping = asyncio.create_task(slow.call("sleep", 1.0))
        await asyncio.sleep(0.05)
        assert await quick.call("pid") == await quick.call("pid")
        assert not sleeping.done()
        after = asyncio.create_task(slow.call("pid"))
        await asyncio.sleep(0.05)
        assert not after.done()  # calls of one stream come one after the other
        assert await sleeping == "slept"
        await after


async def test_a_process_that_nobody_uses_is_ended_and_started_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with processes(count=1, keep_alive_s=0.2) as pool:
        async with pool.stream() as stream:
            first = await stream.call("pid")
            await asyncio.sleep(0.4)
            assert await stream.call("pid") == first
        await until(lambda: not psutil.pid_exists(first))
        assert "unloaded: nobody used it for 0.2 s" in caplog.text
        await asyncio.sleep(0.3)
        assert not [child for child in psutil.Process().children() if "wyoming_servers.worker" in child.cmdline()]
        async with pool.stream() as stream, asyncio.timeout(60):
            assert await stream.call("pid") != first
    assert "died" not in caplog.text


async def test_who_leaves_as_the_place_is_given_disturbs_nobody() -> None:
    async with processes("Parallel", count=1, streams=2) as pool, pool.stream() as other:
        for _ in range(20):
            async with pool.stream():
                waiting = asyncio.create_task(pool._place())
                await asyncio.sleep(0)
            waiting.cancel()  # the place was given just now, and is not taken yet
            assert isinstance((await asyncio.gather(waiting, return_exceptions=True))[0], asyncio.CancelledError)
        assert await other.call("feed", b"1") == 1
        assert pool._workers[0].streams == 1


async def test_one_that_cannot_be_loaded_again_says_why_and_is_tried_when_wanted(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    async with processes("while_there", arguments={"flag": str(flag)}, count=1, keep_alive_s=0.0) as pool:
        await until(lambda: pool._workers[0].resting)
        flag.unlink()
        for _ in range(2):
            with pytest.raises(EngineError, match="cannot be started: there is no"):
                async with asyncio.timeout(60), pool.stream():
                    pass
        flag.touch()
        async with asyncio.timeout(60), pool.stream() as stream:
            assert await stream.call("feed", b"1") == 1


async def test_one_that_died_and_cannot_be_started_again_keeps_nobody_waiting(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    async with processes("while_there", arguments={"flag": str(flag)}, count=1) as pool:
        flag.unlink()
        with pytest.raises(WorkerDied):
            async with pool.stream() as stream:
                await stream.call("die")
        with pytest.raises(EngineError, match="cannot be started: there is no"):
            async with asyncio.timeout(60), pool.stream():
                pass


async def test_one_that_was_started_again_and_not_used_is_ended_too() -> None:
    async with processes(count=1, keep_alive_s=0.3) as pool:
        with pytest.raises(WorkerDied):
            async with pool.stream() as stream:
                await stream.call("die")
        await until(lambda: pool._workers[0].is_alive)
        await until(lambda: pool._workers[0].resting)


async def test_uses_leave_no_timers(monkeypatch: pytest.MonkeyPatch) -> None:
    async with processes(count=1, keep_alive_s=100.0) as pool:
        for _ in range(50):
            async with pool.stream():
                assert pool._workers[0].idle is None
        waiting = [timer for timer in asyncio.get_running_loop()._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
        assert len([timer for timer in waiting if timer.when() > asyncio.get_running_loop().time() + 60]) == 1


async def test_a_worker_goes_when_its_parent_is_gone() -> None:
    async with processes(count=1) as pool:
        async with pool.stream() as stream:
            child = psutil.Process(await stream.call("pid"))
        [worker] = pool._workers
        assert worker._writer is not None
        worker._writer.transport.abort()
        await asyncio.to_thread(child.wait, 5)


async def test_renewing_disturbs_nobody() -> None:
    async with processes(count=2, arguments={"name": "old"}) as pool, pool.stream() as first:
        before = await first.call("pid")
        work = asyncio.create_task(first.call("sleep", 1.0))
        await pool.renew({"name": "new"})
        async with pool.stream() as second, pool.stream() as third:
            pids = {await second.call("pid"), await third.call("pid")}
            assert len(pids) == 2
            assert before not in pids
        assert await work == "slept"
        assert await first.call("pid") == before
        assert psutil.pid_exists(before)
    assert not psutil.pid_exists(before)


async def test_a_replaced_process_ends_with_its_last_stream() -> None:
    async with processes(count=1) as pool:
        async with pool.stream() as stream:
            pid = await stream.call("pid")
            await pool.renew({"name": "new"})
        await until(lambda: not psutil.pid_exists(pid))


async def test_a_replaced_process_that_is_never_left_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_RETIRE_S", 0.2)
    async with processes(count=1) as pool, pool.stream() as stream:
        pid = await stream.call("pid")
        await pool.renew({"name": "new"})
        await until(lambda: not psutil.pid_exists(pid))
        with pytest.raises(WorkerDied):
            await stream.call("pid")


async def test_what_cannot_be_renewed_serves_on(tmp_path: Path) -> None:
    async with processes("of_model", count=2, arguments={"model": "m"}) as pool:
        async with pool.stream() as first, pool.stream() as second:
            pids = {await first.call("pid"), await second.call("pid")}
        with pytest.raises(EngineError):
            await pool.renew({"unknown": 1})
        async with pool.stream() as first, pool.stream() as second:
            assert {await first.call("pid"), await second.call("pid")} == pids


async def test_who_is_as_it_should_be_is_left_alone() -> None:
    async with processes(count=1, arguments={"name": "same"}) as pool:
        async with pool.stream() as stream:
            pid = await stream.call("pid")
        await pool.renew({"name": "same"})
        async with pool.stream() as stream:
            assert await stream.call("pid") == pid


async def test_a_renewed_engine_is_started_again_as_it_is_now(tmp_path: Path) -> None:
    (flag := tmp_path / "flag").touch()
    async with processes("while_there", count=1, arguments={"flag": str(flag)}) as pool:
        (other := tmp_path / "other").touch()
        await pool.renew({"flag": str(other)})
        flag.unlink()
        async with pool.stream() as stream:
            with pytest.raises(WorkerDied):
                await stream.call("die")
        async with pool.stream() as stream:
            assert await stream.call("feed", b"1") == 1


@pytest.mark.parametrize("factory", ["make", "pupil"])
async def test_what_an_engine_learns_it_knows_also_when_it_is_started_again(factory: str) -> None:
    async with processes(factory, count=1, arguments={"name": "old"}) as pool:
        async with pool.stream() as stream:
            pid = await stream.call("pid")
            await pool.learn({"name": "old"})
            await pool.learn({"name": "new"})
            assert (await stream.call("pid"), await stream.call("name")) == (pid, "new")
            with pytest.raises(EngineError, match="no name"):
                await pool.learn({"name": ""})
            with pytest.raises(WorkerDied):
                await stream.call("die")
        async with pool.stream() as stream:
            assert await stream.call("pid") != pid
            assert await stream.call("name") == "new"


async def test_one_that_is_away_learns_when_it_comes() -> None:
    async with processes(count=1, arguments={"name": "old"}, keep_alive_s=0.05) as pool:
        await until(lambda: pool._workers[0].resting)
        await pool.learn({"name": "new"})
        async with pool.stream() as stream:
            assert await stream.call("name") == "new"


async def test_what_there_is_to_learn_while_it_starts_is_learnt() -> None:
    async with processes("leisurely", count=1, arguments={"name": "old"}) as pool:
        async with pool.stream() as stream:
            with pytest.raises(WorkerDied):
                await stream.call("die")
        await until(lambda: pool._workers[0].generation == 2)
        await pool.learn({"name": "new"})
        async with pool.stream() as stream:
            assert await stream.call("name") == "new"
