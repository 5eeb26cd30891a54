"""The runner: several at once, each under its lease, tried again, stopped when somebody says so."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from tests.services.conftest import House, until

from kade.core.clock import now
from kade.core.errors import KadeError, UploadReason
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.tasks import Task, TaskState
from kade.services import tasks
from kade.services.tasks import Order
from kade.tasks import Hopeless, Run, Runner, TryLater
from kade.tasks.runner import Capacity, Finish

KIND = "toy.fetch"


class Toy:
    """A handler whose attempts do what the test says, in turn; the last one's doing is repeated."""

    def __init__(self, *steps: BaseException | Finish | None) -> None:
        self.steps = list(steps)
        self.runs: list[Run] = []
        self.at_once = 0
        self.most_at_once = 0
        self.gate: asyncio.Event | None = None
        self.entered = asyncio.Event()

    async def __call__(self, run: Run) -> Finish | None:
        self.runs.append(run)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.entered.set()
        try:
            if self.gate is not None:
                await self.gate.wait()
            step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0] if self.steps else None
            if isinstance(step, BaseException):
                raise step
            return step
        finally:
            self.at_once -= 1

    def pause(self, failures: int) -> float:
        return 0.01


@asynccontextmanager
async def _running(house: House, toy: Toy, at_once: int = 4, lane: int = 4) -> AsyncIterator[Runner]:
    runner = Runner(house.catalog, Capacity(at_once, lane))
    runner.handle({KIND: toy})
    runner.start()
    try:
        yield runner
    finally:
        await runner.close()


async def _create(house: House, *, lane: str = "", max_attempts: int = 0) -> Task:
    order = Order(KIND, lane, "{}", max_attempts=max_attempts)
    return await house.catalog.write(tasks.create, house.caller, house.space.id, order)


async def _now(house: House, task_id: Id) -> Task:
    found = await house.catalog.read(lambda tx: tx.tasks.get(task_id))
    assert found is not None
    return found


async def _becomes(house: House, task: Task, state: TaskState) -> Task:
    async def there() -> bool:
        return (await _now(house, task.id)).state == state

    await until(there)
    return await _now(house, task.id)


async def _holds(condition: Callable[[], bool]) -> None:
    async def there() -> bool:
        return condition()

    await until(there)


async def test_a_task_is_done_and_its_last_transaction_is_one(house: House) -> None:
    task = await _create(house)
    seen: list[Tx] = []
    async with _running(house, Toy(seen.append)):
        done = await _becomes(house, task, TaskState.SUCCEEDED)
    assert len(seen) == 1 and done.lease_holder is None


async def test_a_last_transaction_that_is_refused_is_another_attempt(house: House) -> None:
    def refuse(tx: Tx) -> None:
        raise KadeError(UploadReason.DISK_FULL, "store")

    task = await _create(house)
    async with _running(house, Toy(refuse, None)):
        done = await _becomes(house, task, TaskState.SUCCEEDED)
    assert done.attempts == 1


@pytest.mark.parametrize(
    "error", [TryLater("not yet"), KadeError(UploadReason.DISK_FULL), ZeroDivisionError()]
)
async def test_a_failed_attempt_is_followed_by_another(house: House, error: BaseException) -> None:
    task = await _create(house, max_attempts=3)
    toy = Toy(error, error, None)
    async with _running(house, toy):
        done = await _becomes(house, task, TaskState.SUCCEEDED)
    assert (len(toy.runs), done.attempts, done.last_error) == (3, 2, "")


async def test_the_last_attempt_and_a_hopeless_one_end_it(house: House) -> None:
    spent, hopeless = Toy(TryLater("cut")), Toy(Hopeless("forbidden"))
    task = await _create(house, max_attempts=2)
    async with _running(house, spent):
        failed = await _becomes(house, task, TaskState.FAILED)
    assert (failed.last_error, len(spent.runs)) == ("cut", 2)
    task = await _create(house)
    async with _running(house, hopeless):
        failed = await _becomes(house, task, TaskState.FAILED)
    assert (failed.last_error, len(hopeless.runs)) == ("forbidden", 1)


async def test_what_the_other_side_asks_for_is_waited(house: House) -> None:
    task = await _create(house)
    async with _running(house, Toy(TryLater("busy", 60.0))):

        async def put_off() -> bool:
            return (await _now(house, task.id)).attempts == 1

        await until(put_off)
    waiting = await _now(house, task.id)
    assert waiting.due_at > now() + 50_000


async def test_several_run_at_once_but_no_more_than_a_lane_holds(house: House) -> None:
    toy = Toy()
    toy.gate = asyncio.Event()
    for lane in ("a", "a", "a", "b", "b"):
        await _create(house, lane=lane)
    async with _running(house, toy, at_once=3, lane=2):
        await _holds(lambda: toy.at_once == 3)
        assert sorted(run.task.lane for run in toy.runs) == ["a", "a", "b"]
        toy.gate.set()
        await _holds(lambda: len(toy.runs) == 5)
    assert toy.most_at_once == 3


async def test_progress_survives_a_stop_and_a_start(house: House) -> None:
    task = await _create(house)
    toy = Toy()
    toy.gate = asyncio.Event()
    async with _running(house, toy):
        await asyncio.wait_for(toy.entered.wait(), 10)
        run = toy.runs[0]
        await run.keep(url="u", etag='"1"')
        await run.keep(etag='"2"')
        run.done, run.total = 5, 10
    toy.gate.set()
    async with _running(house, toy):  # its lease was given back: nobody waits for it to run out
        await _becomes(house, task, TaskState.SUCCEEDED)
    assert toy.runs[1].progress == {"url": "u", "etag": '"2"'}
    assert toy.runs[1].task.attempts == 0


@pytest.mark.parametrize("verb", [tasks.pause, tasks.cancel, tasks.remove])
async def test_a_task_that_is_stopped_from_outside_ends_at_once(
    house: House, verb: Callable[..., object]
) -> None:
    task = await _create(house)
    toy = Toy()
    toy.gate = asyncio.Event()
    async with _running(house, toy) as runner:
        await asyncio.wait_for(toy.entered.wait(), 10)
        assert runner.running(task.id) is toy.runs[0]

        def act(tx: Tx) -> None:
            found = tx.tasks.get(task.id)
            assert found is not None
            verb(tx, house.caller, found)

        await house.catalog.write(act)
        runner.stop(task.id)
        runner.stop(Id("unknown"))
        async with asyncio.timeout(0.5):
            await _holds(lambda: runner.running(task.id) is None)
    assert len(toy.runs) == 1


async def test_a_lease_that_somebody_else_took_ends_the_run_by_itself(house: House) -> None:
    task = await _create(house)
    toy = Toy()
    toy.gate = asyncio.Event()
    async with _running(house, toy) as runner:
        await asyncio.wait_for(toy.entered.wait(), 10)
        await house.catalog.write(
            lambda tx: tasks.pause(tx, house.caller, tx.tasks.get(task.id) or task)
        )  # by another process: nobody tells this one
        await _holds(lambda: runner.running(task.id) is None)
    assert (await _now(house, task.id)).state == TaskState.PAUSED


async def test_a_running_task_tells_how_far_it_is(house: House) -> None:
    task = await _create(house)
    toy = Toy()
    toy.gate = asyncio.Event()
    async with _running(house, toy):
        await asyncio.wait_for(toy.entered.wait(), 10)
        toy.runs[0].done, toy.runs[0].total = 512, 1024

        async def told() -> bool:
            return (await _now(house, task.id)).done == 512

        await until(told)
        toy.runs[0].done = 1024
        toy.gate.set()
        done = await _becomes(house, task, TaskState.SUCCEEDED)
    assert (done.done, done.total) == (1024, 1024)
