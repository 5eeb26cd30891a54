"""The second organisation: a File Client of its own, whose server the first one's is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kade.cli import remote
from kade.cli.demo.quay import Identity, Quay, Unexpected, expect, require

_SHARE = 4  # of a file that passes per second: slow enough to be killed half-way
_PATIENCE_S = 120.0
_CONFIG = """
[dialects.{section}]
networks = ["127.0.0.0/8", "::1/128"]

[[dialects.{section}.destinations]]
hosts = ["localhost"]
certificate = "{certificate}"
key = "{key}"
authorities = "{authorities}"
rate = {rate}
"""

Row = dict[str, Any]


class Second:
    """A daemon in a folder of its own; it shows the certificate that the first organisation gave it."""

    def __init__(self, folder: Path, first: Quay, identity: Identity) -> None:
        self._first = first
        self._identity = identity
        self._quay = Quay(folder, ("client", "serve"), ("client",))
        self.fetched = ""
        """SHA-256 of what was fetched, as its File Client tells it."""
        self.sent_path = ""
        """Where the first organisation has what was sent."""

    @property
    def address(self) -> str:
        """Base URL for its applications."""
        return f"http://127.0.0.1:{self._quay.ports['client']}"

    async def open(self, size: int) -> None:
        """`kade init`, a destination for files of that size in the configuration, `kade client serve`."""
        await self._quay.initialise()
        section = await self._section()
        text = _CONFIG.format(
            section=section,
            certificate=self._identity.certificate,
            key=self._identity.key,
            authorities=self._first.authority,
            rate=max(size // _SHARE, 1_000_000),
        )
        await asyncio.to_thread(_append, self._quay.config, text)
        await self._quay.start()

    async def transfer(self, path: str, file: Path, size: int, *, worth_killing: bool) -> list[str]:
        """Fetch the file at *path* and send *file*, both at once; the daemon is killed on the way.

        Both are the same, of *size* bytes.
        """
        url = f"{self._first.exchange}/files/download/{path}"
        download = await self._client("download", url, "--detach")
        upload = await self._client("upload", str(file), f"{self._first.exchange}/files/upload", "--detach")
        said = []
        if worth_killing:
            before = await self._until(lambda rows: any(row["bytes"] > size // 3 for row in rows))
            await self._quay.kill()
            require("both were on their way", all(row["bytes"] < size for row in before))
            amounts = " and ".join(remote.human_size(row["bytes"]) for row in before)
            said.append(f"killed (SIGKILL) when {amounts} were through")
            await self._quay.start()
        done = await self._until(lambda rows: all(row["status"] != "CREATED" for row in rows))
        for row in done:
            expect(f"end of task {row['fileId']}", (row["status"], row.get("lastError")), ("SUCCEEDED", None))
        info = await self._info(download["fileId"])
        self.fetched = info["sha256Checksum"]
        self.sent_path = (await self._info(upload["fileId"]))["url"].rpartition("/")[2]
        require("both files have the same size", info["length"] == size)
        return [*said, f"2 × {remote.human_size(info['length'])}; digests of both sides agree"]

    async def close(self) -> None:
        """End the daemon; nothing may be wrong with what it leaves. Raises Unexpected."""
        expect("exit status of the File Client", await self._quay.stop(), 0)
        diagnosis = await self._quay.command("doctor", "--digests")
        findings = [each for each in diagnosis["findings"] if each["severity"] != "info"]
        expect("findings at the second organisation", findings, [])

    def abandon(self) -> None:
        """End the daemon whatever it takes, if it runs."""
        self._quay.abandon()

    async def _client(self, *arguments: str) -> Row:
        options = ("--server", self.address, "--bearer", self._quay.key)
        row: Row = await self._quay.command("client", *arguments, *options)
        return row

    async def _until(self, holds: Callable[[list[Row]], bool]) -> list[Row]:
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            rows: list[Row] = await self._quay.command(
                "client", "tasks", "--server", self.address, "--bearer", self._quay.key
            )
            if holds(rows):
                return rows
            if time.monotonic() > deadline:
                raise Unexpected(f"the tasks do not get there: {rows}")
            await asyncio.sleep(0.1)

    async def _info(self, number: int) -> Row:
        from kade.client import RemotePeer

        async with RemotePeer(self.address, bearer=self._quay.key) as peer:
            url = f"{self.address}/service/rest/v1/files/{number}/info"
            async with peer.request("GET", url) as answer:
                expect("status of a file's info", answer.status, 200)
                row: Row = await answer.json()
                return row

    async def _section(self) -> str:
        """The dialect whose settings name destinations: the command line knows none by name."""
        settings = await self._quay.command("config")
        (key,) = (key for key in settings if key.endswith(".destinations"))
        return str(key.split(".")[1])


def _append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)
