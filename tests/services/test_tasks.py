"""Tasks: who may ask for them, and how they end."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.services.conftest import House

from kade.core.bindings import Noun
from kade.core.clock import Millis, now
from kade.core.errors import AccessReason, FileReason, KadeError, Reason, SpaceReason, TaskReason
from kade.core.grants import Verb
from kade.core.ids import new_id
from kade.core.ports import Tx
from kade.core.principals import Caller, Origin, PrincipalKind
from kade.core.tasks import Task, TaskState
from kade.services import access, principals, tasks
from kade.services.naming import bind
from kade.services.tasks import Order

FETCH = Order("toy.fetch", "there", '{"url": "u"}')


async def _create(house: House, **given: Any) -> Task:
    order = Order(**{"kind": FETCH.kind, "lane": FETCH.lane, "request": FETCH.request, **given})
    return await house.catalog.write(tasks.create, house.caller, house.space.id, order)


async def _taken(house: House) -> Task:
    task = await house.catalog.write(tasks.take, ["toy.fetch"], [], "worker")
    assert task is not None
    return task


async def _now(house: House, task: Task) -> Task:
    found = await house.catalog.read(lambda tx: tx.tasks.get(task.id))
    assert found is not None
    return found


async def _kinds(house: House, task: Task) -> list[str]:
    entries = await house.catalog.read(lambda tx: tx.journal.tail(0, 1000))
    return [each.kind.removeprefix("task.") for each in entries if each.subject == task.id]


async def _stranger(house: House, *verbs: Verb) -> Caller:
    def make(tx: Tx) -> Caller:
        made = principals.create(tx, house.caller, house.namers, PrincipalKind.APPLICATION, f"app {new_id()}")
        if verbs:
            access.grant(tx, made.id, house.space.id, verbs)
        return Caller(made.id, made.name, made.tenant_id)

    return await house.catalog.write(make)


async def _refused(house: House, reason: Reason, verb: Callable[..., object], *args: object) -> None:
    with pytest.raises(KadeError) as refused:
        await house.catalog.write(verb, *args)
    assert refused.value.reason is reason


async def test_a_task_is_made_by_who_may_write_and_found_by_who_may_list(house: House) -> None:
    task = await _create(house)
    assert (task.state, task.lane, task.attempts) == (TaskState.WAITING, "there", 0)
    assert task.due_at <= now()
    assert await house.catalog.read(tasks.find, house.caller, task.id) == task
    assert await house.catalog.read(tasks.of_space, house.caller, house.space.id, "toy.fetch") == [task]
    reader, nobody = await _stranger(house, Verb.LIST), await _stranger(house)
    assert await house.catalog.read(tasks.find, reader, task.id) == task
    await _refused(house, TaskReason.UNKNOWN, tasks.find, nobody, task.id)
    await _refused(house, TaskReason.UNKNOWN, tasks.find, reader, task.id, Verb.WRITE)
    await _refused(house, TaskReason.UNKNOWN, tasks.find, house.caller, None)
    await _refused(house, TaskReason.UNKNOWN, tasks.find, house.caller, new_id())
    await _refused(house, SpaceReason.UNKNOWN, tasks.create, reader, house.space.id, FETCH)
    await _refused(house, SpaceReason.UNKNOWN, tasks.of_space, nobody, house.space.id, "toy.fetch")


async def test_it_is_taken_when_it_is_due(house: House) -> None:
    await _create(house, due_at=Millis(now() + 60_000))
    assert await house.catalog.write(tasks.take, ["toy.fetch"], [], "worker") is None
    due = await _create(house)
    assert (await _taken(house)).id == due.id


async def test_it_cannot_end_before_it_begins(house: House) -> None:
    at = now()
    for given in ({"ends_at": at}, {"due_at": Millis(at + 9), "ends_at": Millis(at + 9)}):
        with pytest.raises(KadeError) as refused:
            await _create(house, **given)
        assert refused.value.reason is FileReason.BAD_TIME_FRAME


async def test_progress_is_kept_under_the_lease(house: House) -> None:
    await _create(house)
    task = await _taken(house)
    kept = await house.catalog.write(lambda tx: tasks.keep(tx, task, progress='{"at": 5}'))
    assert (await _now(house, task)).progress == '{"at": 5}'
    assert kept.lease_holder == "worker"
    done = await house.catalog.write(tasks.succeed, kept)
    assert (done.state, done.lease_holder) == (TaskState.SUCCEEDED, None)
    await _refused(house, TaskReason.TAKEN_OVER, tasks.succeed, kept)
    assert await _kinds(house, task) == ["created", "succeeded"]


async def test_attempts_are_put_off_until_none_is_left(house: House) -> None:
    await _create(house, max_attempts=2)
    task = await _taken(house)
    before = now()
    waiting = await house.catalog.write(tasks.put_off, task, "no " * 1000, 1000)
    assert (waiting.state, waiting.attempts, waiting.lease_holder) == (TaskState.WAITING, 1, None)
    assert waiting.due_at >= before + 1000 and len(waiting.last_error) == 500
    await house.catalog.write(lambda tx: tx.tasks.change(waiting._replace(due_at=now()), waiting.lease_fence))
    failed = await house.catalog.write(tasks.put_off, await _taken(house), "no again", 0)
    assert (failed.state, failed.attempts, failed.last_error) == (TaskState.FAILED, 2, "no again")
    assert await _kinds(house, task) == ["created", "put_off", "failed"]


async def test_no_attempt_is_made_beyond_the_end(house: House) -> None:
    await _create(house, ends_at=Millis(now() + 60_000))
    failed = await house.catalog.write(tasks.put_off, await _taken(house), "cut", 61_000)
    assert (failed.state, failed.last_error) == (TaskState.FAILED, "cut")


async def test_a_task_rests_and_goes_on(house: House) -> None:
    task = await _create(house)
    taken = await _taken(house)
    paused = await house.catalog.write(tasks.pause, house.caller, taken)
    assert paused.state == TaskState.PAUSED
    await _refused(house, TaskReason.TAKEN_OVER, tasks.succeed, taken)
    assert await house.catalog.write(tasks.take, ["toy.fetch"], [], "worker") is None
    await _refused(house, TaskReason.WRONG_STATE, tasks.pause, house.caller, paused)
    resumed = await house.catalog.write(tasks.resume, house.caller, paused)
    assert (await _taken(house)).id == resumed.id
    assert await _kinds(house, task) == ["created", "paused", "resumed"]


async def test_a_failed_task_can_be_resumed_with_all_its_attempts(house: House) -> None:
    await _create(house, max_attempts=1)
    failed = await house.catalog.write(tasks.put_off, await _taken(house), "no", 0)
    resumed = await house.catalog.write(tasks.resume, house.caller, failed)
    assert (resumed.state, resumed.attempts) == (TaskState.WAITING, 0)


async def test_what_is_over_stays_over(house: House) -> None:
    task = await _create(house, ends_at=Millis(now() + 30))
    cancelled = await house.catalog.write(tasks.cancel, house.caller, task)
    assert cancelled.state == TaskState.CANCELLED
    for verb in (tasks.cancel, tasks.pause, tasks.resume):
        await _refused(house, TaskReason.WRONG_STATE, verb, house.caller, cancelled)
    other = await _create(house, ends_at=Millis(now() + 30))
    paused = await house.catalog.write(tasks.pause, house.caller, other)
    await asyncio.sleep(0.05)
    await _refused(house, TaskReason.WRONG_STATE, tasks.resume, house.caller, paused)


async def test_a_removed_task_leaves_nothing_but_its_trail(house: House) -> None:
    task = await _create(house)
    await house.catalog.write(bind, "toy", Noun.TASK, "0", task.id)
    await house.catalog.write(tasks.remove, house.caller, task)
    assert await house.catalog.read(lambda tx: tx.tasks.get(task.id)) is None
    assert await house.catalog.read(lambda tx: tx.bindings.object_of("toy", Noun.TASK, "0")) is None
    assert await _kinds(house, task) == ["created", "removed"]


async def test_work_is_done_in_the_name_of_who_asked_while_that_one_is_there(house: House) -> None:
    owner = await _stranger(house, *Verb)
    task = await house.catalog.write(tasks.create, owner, house.space.id, FETCH)
    acting = await house.catalog.read(tasks.owner_of, task)
    assert (acting.principal_id, acting.principal_name) == (owner.principal_id, owner.principal_name)
    assert acting.origin == Origin("toy.fetch", task.id, "")
    await house.catalog.write(lambda tx: tx.principals.remove(owner.principal_id, now()))
    await _refused(house, AccessReason.REVOKED_CREDENTIAL, tasks.owner_of, task)
    gone = task._replace(principal_id=new_id())
    await _refused(house, AccessReason.REVOKED_CREDENTIAL, tasks.owner_of, gone)


async def test_what_is_over_can_begin_once_more(house: House) -> None:
    """With all its attempts, from the start; unless it was cancelled or its time is over."""
    await _create(house, max_attempts=2)
    task = await _taken(house)
    kept = await house.catalog.write(lambda tx: tasks.keep(tx, task, progress='{"at": 5}'))
    done = await house.catalog.write(tasks.succeed, kept)
    anew = await house.catalog.write(tasks.restart, house.caller, done)
    assert (anew.state, anew.progress, anew.attempts) == (TaskState.WAITING, "{}", 0)
    await _refused(house, TaskReason.WRONG_STATE, tasks.restart, house.caller, anew)
    failed = await house.catalog.write(tasks.fail, await _taken(house), "no")
    again = await house.catalog.write(tasks.restart, house.caller, failed)
    assert (again.state, again.last_error) == (TaskState.WAITING, "")
    assert await _kinds(house, again) == ["created", "succeeded", "restarted", "failed", "restarted"]
    cancelled = await house.catalog.write(tasks.cancel, house.caller, again)
    await _refused(house, TaskReason.WRONG_STATE, tasks.restart, house.caller, cancelled)


async def test_what_has_ended_does_not_begin_once_more(house: House) -> None:
    await _create(house, ends_at=Millis(now() + 60_000))
    done = await house.catalog.write(tasks.succeed, await _taken(house))
    over = done._replace(ends_at=now())
    await _refused(house, TaskReason.WRONG_STATE, tasks.restart, house.caller, over)
