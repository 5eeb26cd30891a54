"""Every catalog: tasks and their leases."""

import asyncio
from collections import Counter

from tests.support.nouns import a_task, house

from kade.core.clock import Millis, now
from kade.core.ids import Id, new_id
from kade.core.ports import Catalog, Tx
from kade.core.spaces import Space
from kade.core.tasks import Task, TaskState

LONG = 60_000
KINDS = ("toy.fetch",)


async def _space(catalog: Catalog) -> Space:
    return await catalog.write(lambda tx: house(tx)[1])


async def _add(catalog: Catalog, *tasks: Task) -> None:
    def add(tx: Tx) -> None:
        for task in tasks:
            tx.tasks.add(task)

    await catalog.write(add)


async def _now(catalog: Catalog, task_id: Id) -> Task:
    task = await catalog.read(lambda tx: tx.tasks.get(task_id))
    assert task is not None
    return task


async def _take(
    catalog: Catalog,
    *,
    at: int | None = None,
    kinds: tuple[str, ...] = KINDS,
    busy: tuple[str, ...] = (),
    holder: str = "a",
    ttl: int = LONG,
) -> Task | None:
    moment = now() if at is None else Millis(at)
    return await catalog.write(lambda tx: tx.tasks.take_due(kinds, busy, moment, holder, ttl))


async def test_a_task_keeps_every_field(catalog: Catalog) -> None:
    space = await _space(catalog)
    task = a_task(
        space,
        lane="https://files.example",
        request='{"url": "é"}',
        progress='{"etag": "\\"1\\""}',
        file_id=new_id(),
        done=5 << 40,
        total=6 << 40,
        attempts=3,
        max_attempts=5,
        last_error="it was closed",
        ends_at=Millis(9),
    )
    await _add(catalog, task)
    assert await _now(catalog, task.id) == task
    assert await catalog.write(lambda tx: tx.tasks.lock(task.id)) == task
    assert task.file_id is not None
    file_id = task.file_id
    assert await catalog.read(lambda tx: tx.tasks.of_file(file_id)) == task
    missing = new_id()
    assert await catalog.write(
        lambda tx: (tx.tasks.get(missing), tx.tasks.lock(missing), tx.tasks.of_file(missing))
    ) == (None, None, None)


async def test_tasks_of_a_space_come_by_kind_oldest_first(catalog: Catalog) -> None:
    space, other = await _space(catalog), await _space(catalog)
    mine = sorted(a_task(space) for _ in range(3))
    await _add(catalog, *reversed(mine), a_task(space, kind="toy.send"), a_task(other))
    assert await catalog.read(lambda tx: tx.tasks.of_space(space.id, "toy.fetch")) == mine


async def test_the_task_that_is_due_longest_is_taken_first(catalog: Catalog) -> None:
    space = await _space(catalog)
    late, early = a_task(space, due_at=Millis(20)), a_task(space, due_at=Millis(10))
    later = a_task(space, due_at=Millis(31))
    await _add(catalog, late, early, later)
    taken = [await _take(catalog, at=30) for _ in range(3)]
    assert taken == [
        early._replace(lease_holder="a", lease_fence=1),
        late._replace(lease_holder="a", lease_fence=1),
        None,
    ]
    assert await catalog.read(lambda tx: tx.tasks.next_due(KINDS)) == 31


async def test_only_waiting_tasks_of_these_kinds_off_busy_lanes_are_taken(catalog: Catalog) -> None:
    space = await _space(catalog)
    others = [a_task(space, state=state) for state in TaskState if state is not TaskState.WAITING]
    await _add(catalog, *others, a_task(space, kind="toy.send"), a_task(space, lane="full"))
    free = a_task(space, lane="free")
    await _add(catalog, free)
    first, second = [await _take(catalog, busy=("full", "fuller")) for _ in range(2)]
    assert first is not None and first.id == free.id
    assert second is None
    assert await catalog.read(lambda tx: tx.tasks.next_due(("toy.none",))) is None


async def test_a_lease_that_ran_out_can_be_taken_and_the_fence_grows(catalog: Catalog) -> None:
    task = a_task(await _space(catalog))
    await _add(catalog, task)
    assert await _take(catalog, ttl=1) is not None
    await asyncio.sleep(0.02)
    again = await _take(catalog, holder="b")
    assert again is not None and (again.lease_holder, again.lease_fence) == ("b", 2)
    assert not await catalog.write(lambda tx: tx.tasks.renew(task.id, 1, LONG, 1, 2))
    assert await catalog.write(lambda tx: tx.tasks.renew(task.id, 2, LONG, 1, 2))
    after = await _now(catalog, task.id)
    assert (after.done, after.total) == (1, 2)


async def test_a_renewed_lease_is_not_taken(catalog: Catalog) -> None:
    task = a_task(await _space(catalog))
    await _add(catalog, task)
    assert await _take(catalog, ttl=1) is not None
    await catalog.write(lambda tx: tx.tasks.renew(task.id, 1, LONG, 0, None))
    await asyncio.sleep(0.02)
    assert await _take(catalog) is None


async def test_a_change_counts_under_the_fence_alone(catalog: Catalog) -> None:
    task = a_task(await _space(catalog))
    await _add(catalog, task)
    taken = await _take(catalog)
    assert taken is not None
    file_id = new_id()
    changed = taken._replace(
        state=TaskState.FAILED, progress='{"a": 1}', file_id=file_id, attempts=2, last_error="no"
    )
    changed = changed._replace(due_at=Millis(5), changed_at=Millis(6), lease_holder=None, lease_fence=7)
    assert not await catalog.write(lambda tx: tx.tasks.change(changed, 0))
    assert await _now(catalog, task.id) == taken
    assert await catalog.write(lambda tx: tx.tasks.change(changed, taken.lease_fence))
    assert await _now(catalog, task.id) == changed


async def test_whoever_lets_go_lets_others_in_at_once(catalog: Catalog) -> None:
    task = a_task(await _space(catalog))
    await _add(catalog, task)
    await _take(catalog)
    await catalog.write(lambda tx: tx.tasks.release(task.id, 99))
    assert await _take(catalog) is None
    await catalog.write(lambda tx: tx.tasks.release(task.id, 1))
    again = await _take(catalog)
    assert again is not None and again.lease_fence == 3


async def test_the_only_process_lets_go_of_every_lease(catalog: Catalog) -> None:
    task = a_task(await _space(catalog))
    await _add(catalog, task)
    await _take(catalog)
    await catalog.write(lambda tx: tx.tasks.release_all())
    again = await _take(catalog, holder="b")
    assert again is not None and again.lease_fence == 3


async def test_a_forgotten_task_is_gone(catalog: Catalog) -> None:
    task = a_task(await _space(catalog))
    await _add(catalog, task)
    await catalog.write(lambda tx: tx.tasks.forget(task.id))
    assert await catalog.read(lambda tx: tx.tasks.get(task.id)) is None


async def test_many_that_take_together_take_each_task_once(catalog: Catalog) -> None:
    space = await _space(catalog)
    tasks = [a_task(space) for _ in range(20)]
    await _add(catalog, *tasks)

    async def take_all(holder: str) -> list[Id]:
        taken = []
        while (task := await _take(catalog, holder=holder)) is not None:
            taken.append(task.id)
        return taken

    found = await asyncio.gather(*(take_all(str(number)) for number in range(6)))
    assert Counter(task_id for each in found for task_id in each) == {task.id: 1 for task in tasks}
