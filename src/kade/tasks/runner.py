"""The runner: takes due tasks under leases, several at once, and does them by the handlers of their kinds.

A task runs under its lease alone. The lease is renewed each second; once that fails, because the task was
paused, cancelled or removed, or because somebody else holds it, the run is cancelled. A process that dies
just stops renewing: five seconds later anybody may go on from what the task's progress says.
"""

import asyncio
import contextlib
import json
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from kade.core.clock import now
from kade.core.errors import KadeError, TaskReason
from kade.core.ids import Id, new_token
from kade.core.ports import Catalog, Tx
from kade.core.tasks import Task
from kade.services import tasks

_log = structlog.get_logger("kade.tasks.runner")
_POLL_S = 1.0  # how often tasks of other processes are looked for
_RENEW_S = 1.0
_RATE_OVER_S = 3.0

Finish = Callable[[Tx], object]
"""Part of the transaction in which the task succeeds; may raise KadeError, and then it has not."""


class TryLater(Exception):
    """This attempt failed; the sentence says why. *pause_s* is what the other side asked for."""

    def __init__(self, sentence: str, pause_s: float | None = None) -> None:
        super().__init__(sentence)
        self.pause_s = pause_s


class Hopeless(Exception):
    """No attempt can succeed; the sentence says why."""


class Run:
    """One attempt at a task, as its handler sees it."""

    def __init__(self, catalog: Catalog, task: Task) -> None:
        self._catalog = catalog
        self._seen: deque[tuple[float, int]] = deque()
        self.task = task
        self.done = task.done
        """How far it is, in bytes."""
        self.total = task.total
        """Where its end is, in bytes; None: not known."""
        self.trouble = ""
        """What went wrong last within this attempt, as a sentence."""

    def at(self, done: int, total: int | None) -> None:
        """So many bytes of so many are through."""
        self.done, self.total = done, total
        self._seen.append((time.monotonic(), done))
        while self._seen[0][0] < self._seen[-1][0] - _RATE_OVER_S and len(self._seen) > 2:
            self._seen.popleft()

    @property
    def rate(self) -> int:
        """Bytes per second over the last seconds; 0 while nothing moves."""
        if not self._seen or time.monotonic() - self._seen[-1][0] > _RATE_OVER_S:
            return 0
        (began, first), (ended, last) = self._seen[0], self._seen[-1]
        return max(0, round((last - first) / (ended - began))) if ended > began else 0

    @property
    def progress(self) -> dict[str, Any]:
        """What was kept of earlier attempts and of this one."""
        found: dict[str, Any] = json.loads(self.task.progress)
        return found

    def kept(self, tx: Tx, file_id: Id | None = None, **progress: Any) -> Task:
        """Add to the progress, within a transaction; *file_id* says which file the task now is about.

        The caller gives the result to ``keeps`` after the commit. Raises KadeError(TaskReason.TAKEN_OVER).
        """
        merged = json.dumps({**self.progress, **progress})
        return tasks.keep(tx, self.task, progress=merged, file_id=file_id or self.task.file_id)

    def keeps(self, task: Task) -> None:
        """The row as it stands now."""
        self.task = task

    def renewed(self, tx: Tx) -> bool:
        """Hold the lease for longer and write how far it is; False when the lease is lost."""
        task = self.task
        return tx.tasks.renew(task.id, task.lease_fence, tasks.LEASE_MS, self.done, self.total)

    def released(self, tx: Tx) -> None:
        """Let go, if the lease is still ours: the task is due for whoever takes it next."""
        tx.tasks.release(self.task.id, self.task.lease_fence)

    async def keep(self, **progress: Any) -> None:
        """Add to the progress, in a transaction of its own."""
        self.keeps(await self._catalog.write(lambda tx: self.kept(tx, **progress)))


class Handler(Protocol):
    """Does the tasks of one kind."""

    async def __call__(self, run: Run) -> Finish | None:
        """One attempt, from whatever the progress says; returning means that it succeeded.

        Raises TryLater or Hopeless. A KadeError counts as TryLater, whatever else as a fault of ours that
        is tried again, too.
        """
        ...

    def pause(self, failures: int) -> float:
        """Seconds until the next attempt after so many failed ones, 1 or more."""
        ...


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many tasks run at once: altogether, and on one lane."""

    tasks: int
    lane: int


class Runner:
    """Runs what is due in this process."""

    def __init__(self, catalog: Catalog, capacity: Capacity) -> None:
        self._catalog = catalog
        self._handlers: dict[str, Handler] = {}
        self._capacity = capacity
        self._holder = new_token(16)
        self._running: dict[Id, tuple[Run, asyncio.Task[None]]] = {}
        self._wake = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    def handle(self, handlers: Mapping[str, Handler]) -> None:
        """Do tasks of these kinds as well."""
        self._handlers.update(handlers)

    def start(self) -> None:
        """Take tasks from now on, if there is any kind to do."""
        if not self._handlers:
            return
        self._loop = asyncio.create_task(self._run_forever())

    async def close(self) -> None:
        """Take no more, stop what runs, and give its leases back: it goes on at the next start."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        running = [work for _, work in self._running.values()]
        for work in running:
            work.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    def stop(self, task_id: Id) -> None:
        """Stop working at the task, if it runs here: it was paused, cancelled or removed."""
        if task_id in self._running:
            self._running[task_id][1].cancel()

    def running(self, task_id: Id) -> Run | None:
        """The attempt that is being made in this process."""
        found = self._running.get(task_id)
        return found[0] if found is not None else None

    async def _run_forever(self) -> None:
        while True:
            self._wake.clear()
            pause = _POLL_S
            try:
                if await self._until_next() == 0:  # while there is nothing to do, nothing is written
                    await self._take_all()
                pause = await self._until_next() or _POLL_S  # what is due but has to wait wakes us itself
            except Exception:
                _log.exception("no task could be taken; the next look tries again")
            # Not wait_for: in Python 3.11 that loses a cancellation which comes together with the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    async def _until_next(self) -> float:
        """Seconds until the next task is due, 0 when one is; never longer than until tasks are looked for."""
        due_at = await self._catalog.read(lambda tx: tx.tasks.next_due(list(self._handlers)))
        ahead = (due_at - now()) / 1000 if due_at is not None else _POLL_S
        return min(max(ahead, 0.0), _POLL_S)

    async def _take_all(self) -> None:
        while len(self._running) < self._capacity.tasks and (task := await self._take()) is not None:
            self._begin(task)

    async def _take(self) -> Task | None:
        lanes = Counter(run.task.lane for run, _ in self._running.values())
        busy = [lane for lane, count in lanes.items() if count >= self._capacity.lane]
        return await self._catalog.write(tasks.take, list(self._handlers), busy, self._holder)

    def _begin(self, task: Task) -> None:
        if task.id in self._running:  # we slept through our own lease; what runs renews or ends by itself
            return
        run = Run(self._catalog, task)
        work = asyncio.create_task(self._work(run))
        self._running[task.id] = (run, work)
        work.add_done_callback(lambda _: self._ended(task.id))

    def _ended(self, task_id: Id) -> None:
        del self._running[task_id]
        self._wake.set()

    async def _work(self, run: Run) -> None:
        attempt = asyncio.create_task(self._attempt(run))
        renewing = asyncio.create_task(self._renew(run))
        try:
            await asyncio.wait((attempt, renewing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            renewing.cancel()
            if not attempt.done():
                attempt.cancel()
            await asyncio.gather(attempt, renewing, return_exceptions=True)
            if run.task.lease_holder is not None:
                await asyncio.shield(self._catalog.write(run.released))

    async def _renew(self, run: Run) -> None:
        """Keep the lease; returns when it is lost."""
        while True:
            await asyncio.sleep(_RENEW_S)
            with contextlib.suppress(KadeError):  # the catalog may be unavailable for a moment
                if not await self._catalog.write(run.renewed):
                    return

    async def _attempt(self, run: Run) -> None:
        handler = self._handlers[run.task.kind]
        try:
            await self._finish(run, await handler(run))
        except TryLater as error:
            await self._put_off(run, str(error), max(error.pause_s or 0.0, self._pause(run)))
        except Hopeless as error:
            why = str(error)
            await self._settle(run, lambda tx: tasks.fail(tx, run.task, why))
        except KadeError as error:
            if error.reason is not TaskReason.TAKEN_OVER:
                await self._put_off(run, str(error), self._pause(run))
        except Exception:
            _log.exception("a task failed", task=run.task.id, kind=run.task.kind)
            await self._put_off(run, "internal error", self._pause(run))

    def _pause(self, run: Run) -> float:
        return self._handlers[run.task.kind].pause(run.task.attempts + 1)

    async def _finish(self, run: Run, finish: Finish | None) -> None:
        def succeed(tx: Tx) -> Task:
            if finish is not None:
                finish(tx)
            run.renewed(tx)
            return tasks.succeed(tx, run.task)

        run.keeps(await self._catalog.write(succeed))

    async def _put_off(self, run: Run, error: str, pause_s: float) -> None:
        await self._settle(run, lambda tx: tasks.put_off(tx, run.task, error, round(pause_s * 1000)))

    async def _settle(self, run: Run, verb: Callable[[Tx], Task]) -> None:
        """Write how the attempt ended, unless the task is no longer ours."""

        def settle(tx: Tx) -> Task:
            run.renewed(tx)
            return verb(tx)

        with contextlib.suppress(KadeError):
            run.keeps(await self._catalog.write(settle))
