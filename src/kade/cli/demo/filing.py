"""A customer that files in groups and finds again, as its program would."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from kade.cli.demo import samples
from kade.cli.demo.mailbox import PASSWORD, USER, Mailbox
from kade.cli.demo.quay import Quay, Unexpected, expect, require
from kade.client import RemotePeer

NUMBER = 2434
GROUP, MAIL = "Example group", "Info Mailbox"
SERVER, FOLDER = "GOFSERV001", "directory"
_SOON_S = 60.0  # within which what was changed must be found


class Client:
    """One client of the customer: it keeps the handshake that each success brings."""

    def __init__(self, quay: Quay, key: str) -> None:
        self._quay = quay
        self._key = key
        self._handshake = ""

    async def begin(self) -> None:
        """Ask for the first handshake."""
        answer = await self._call(
            "POST", "/Handshake/Initialize/", {"SecretKey": self._key, "FileGroups[]": [GROUP, MAIL]}
        )
        self._handshake = answer["Handshake"]

    async def ask(self, method: str, path: str, **parameters: Any) -> dict[str, Any]:
        """One request that must succeed."""
        answer = await self._call(method, path, {"Handshake": self._handshake, **parameters})
        self._handshake = answer["Handshake"]
        return answer

    async def found(
        self, text: str, as_wanted: Callable[[list[dict[str, Any]]], object]
    ) -> list[dict[str, Any]]:
        """What a search finds, once it is as wanted. Raises Unexpected when it does not become so."""
        deadline = time.monotonic() + _SOON_S
        files: list[dict[str, Any]] = []
        while time.monotonic() < deadline:
            files = (await self.ask("GET", "/Search/", Search=text))["Results"]["Files"]
            if as_wanted(files):
                return files
            await asyncio.sleep(0.2)
        raise Unexpected(f"{text}: not found as it should be within {_SOON_S:.0f} s: {files}")

    async def _call(self, method: str, path: str, parameters: dict[str, Any]) -> dict[str, Any]:
        query = urlencode({"CustomerID": NUMBER, **parameters}, doseq=True)
        url = f"{self._quay.web}{path}?{query}"
        async with RemotePeer(self._quay.web) as peer, peer.request(method, url) as answer:
            told: dict[str, Any] = json.loads(await answer.read())
        expect(f"answer to {path} ({told.get('Error')})", told["Status"], "Success")
        return told


class Filing:
    """The customer's folder, mailbox and groups."""

    def __init__(self, quay: Quay, folder: Path) -> None:
        self._quay = quay
        self.folder = folder / FOLDER
        self._root = folder
        self.mailbox: Mailbox | None = None
        self._client: Client | None = None

    async def find(self) -> list[str]:
        """What is in the folder and in the mailbox is found by its words; lines that tell of it."""
        client = await self._set_up()
        began = time.monotonic()
        files = await client.found("factuur salaris", lambda found: found and "<snip>" in found[0]["Snippet"])
        expect("what was found by other inflections of its words", files[0]["Name"], "facturen.html")
        mails = await client.found("type:email container", lambda found: found and found[0]["Properties"])
        expect(
            "subject of the message",
            mails[0]["Properties"]["Subject"],
            "Delivery note: één container, kade 7",
        )
        expect("its attachments", mails[0]["Attachments"]["Items"][0]["Name"], "delivery.pdf")
        found = await client.found('"gross weight"', lambda found: len(found) == 2)
        names = {each["Name"] for each in found}
        require(f"the PDF and the message with it are found, not only {names}", "delivery.pdf" in names)
        return [
            f"read and found {time.monotonic() - began:.1f} s after they were named",
            f"{files[0]['Name']}: {files[0]['Snippet']}",
            f"{mails[0]['Name']} in {' / '.join(mails[0]['Path'])}",
        ]

    async def rename_delete_restore(self) -> list[str]:
        """Id, tags and meta of a file stay, whatever happens to it in its folder; lines that tell of it."""
        assert self._client is not None
        client = self._client
        path = f"\\\\{SERVER}\\{FOLDER}\\facturen.html"
        said = {"Meta": '{"dossier": 7}', "Tags[]": ["betaald"]}
        await client.ask("PUT", "/File/Change/", FilePath=path, **said)
        (before,) = await client.found("tag:betaald", lambda found: found)
        former, later = self.folder / "facturen.html", self.folder / "facturen 2026.html"
        former.rename(later)
        (renamed,) = await client.found(
            "tag:betaald", lambda found: found and found[0]["Name"] == "facturen 2026.html"
        )
        kept = later.read_bytes()
        later.unlink()
        (deleted,) = await client.found("tag:betaald", lambda found: found and found[0]["Deleted"])
        require("a deleted file can still be downloaded", deleted["Downloadable"])
        later.write_bytes(kept)
        (restored,) = await client.found("tag:betaald", lambda found: found and not found[0]["Deleted"])
        for each in (renamed, deleted, restored):
            expect("id and meta", (each["CustomID"], each["Meta"]), (before["CustomID"], {"dossier": 7}))
        await self._close()
        return [f"{former.name} → {later.name}, deleted and put back: still {restored['CustomID']}"]

    async def finds(self, text: str) -> str:
        """The name of what is found by these words, which must be one file of the group."""
        assert self._client is not None
        found = await self._client.found(text, lambda found: len(found) == 1)
        return str(found[0]["Name"])

    async def _set_up(self) -> Client:
        """Documents in a folder and messages in a mailbox, and what synchronises them."""
        self.folder.mkdir(parents=True)
        samples.write_pdf(self.folder / "delivery.pdf")
        samples.write_mail(self._root / "mail.eml", self.folder / "delivery.pdf")
        (self.folder / "facturen.html").write_text(
            "<html><title>Facturen</title><body><p>De salarissen over november zijn betaald, op één na."
            "</p></body></html>",
            encoding="utf-8",
        )
        self.mailbox = Mailbox([(self._root / "mail.eml").read_bytes()])
        await self.mailbox.open()
        secret = self._root / "password"
        secret.write_text(PASSWORD)
        command = self._quay.command
        await command("customer", "add", "filing", "--number", str(NUMBER))
        key = (await command("customer", "key", "add", "filing"))["secret_key"]
        await command("installation", "add", "GOF001")
        service = ("installation", "service", "add", "GOF001")
        await command(*service, "folder", SERVER, str(self._root))
        await command(*service, "mailbox", USER, self.mailbox.location, "--password-file", str(secret))
        for group in (GROUP, MAIL):
            await command("group", "add", "filing", group, "--installation", "GOF001", "--keep-deleted", "1d")
        await command("group", "folder", "add", "filing", GROUP, f"{SERVER}/{FOLDER}")
        await command("group", "folder", "add", "filing", MAIL, USER)
        self._client = Client(self._quay, str(key))
        await self._client.begin()
        return self._client

    async def _close(self) -> None:
        if self.mailbox is not None:
            await self.mailbox.close()
