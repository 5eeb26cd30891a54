"""The worker that `kade serve` runs beside it: a process of its own, begun when there is something for it."""

import asyncio
import contextlib
import sys
from pathlib import Path

import structlog

from kade.core.errors import KadeError
from kade.core.ports import Catalog, Tx

_log = structlog.get_logger("kade.app.companion")
_LOOK_S = 2.0
_LONGEST_REST_S = 60.0
_STOP_S = 20.0


class Companion:
    """Starts `kade worker` with the same configuration, and starts it again when it ends."""

    def __init__(self, catalog: Catalog, configuration: Path | None) -> None:
        self._catalog = catalog
        self._configuration = configuration
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look from now on whether a worker is needed."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End the worker, and wait until it has ended."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _run(self) -> None:
        while True:
            if await self._needed():
                break
            await asyncio.sleep(_LOOK_S)
        rest = _LOOK_S
        while True:
            began = asyncio.get_running_loop().time()
            self._process = await asyncio.create_subprocess_exec(
                *self._command(), stdin=asyncio.subprocess.PIPE
            )
            code = await self._process.wait()
            _log.warning("the worker ended; it is started again", code=code)
            lasted = asyncio.get_running_loop().time() - began
            rest = _LOOK_S if lasted > _LONGEST_REST_S else min(rest * 2, _LONGEST_REST_S)
            await asyncio.sleep(rest)

    async def _needed(self) -> bool:
        try:
            return await self._catalog.read(_something_to_do)
        except KadeError:
            return False

    def _command(self) -> list[str]:
        configuration = ["--config", str(self._configuration)] if self._configuration is not None else []
        # However this process ends, the other one sees its input end, and ends too.
        return [sys.executable, "-m", "kade", *configuration, "worker", "--until-input-ends"]


def _something_to_do(tx: Tx) -> bool:
    return tx.sources.exist() or tx.spaces.indexed()
