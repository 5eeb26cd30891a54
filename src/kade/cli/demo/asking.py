"""An application that asks for files, and somebody without an account who sends them."""

from __future__ import annotations

import asyncio
import importlib.util
import re
import shutil
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import aiohttp

from kade.cli.demo import samples
from kade.cli.demo.filing import GROUP, Filing
from kade.cli.demo.quay import Quay, Unexpected, expect

_WANTED: list[dict[str, Any]] = [
    {"name": "Signed contract", "maxFileSize": 10240, "acceptedTypes": ["application/pdf"]},
    {"name": "Logo", "required": False, "acceptedTypes": ["image/png"]},
]
_SCOPES = ("filerequest.read", "filerequest.write", "files.read")
_FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
_PATIENCE_MS = 60_000


class Desk:
    """An application of the organisation, with a key for requests and files."""

    def __init__(self, quay: Quay, key: str) -> None:
        self._base = f"{quay.web}/v1"
        self._key = key

    async def directory(self, *names: str) -> str:
        """The id of the directory at this path."""
        found = ""
        for name in names:
            listed = await self._call("GET", f"/files?directory={found}")
            found = next(each["id"] for each in listed["data"] if each["name"] == name)
        return found

    async def ask(self, name: str, directory: str, files: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """A request for files, with a public link."""
        said = {"name": name, "directoryId": directory, "requestedFiles": list(files)}
        return await self._call("POST", "/file-requests", said)

    async def completed(self, request_id: str) -> dict[str, Any]:
        """The request, which must be completed."""
        found = await self._call("GET", f"/file-requests/{request_id}")
        if found["completedAt"] is None:
            raise Unexpected(f"the request is not completed: {found}")
        return found

    async def fetch(self, file_id: str) -> bytes:
        """The bytes of a file, by a link that counts for some minutes."""
        link = await self._call("GET", f"/files/{file_id}/download")
        async with aiohttp.ClientSession() as session, session.get(link["link"]) as answer:
            expect("answer to a download by its link", answer.status, 200)
            return await answer.read()

    async def _call(self, method: str, path: str, said: Any = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._key}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, self._base + path, json=said) as answer,
        ):
            told: dict[str, Any] = await answer.json()
            expect(f"answer to {method} {path} ({told})", answer.status < 300, True)
            return told


async def ask_and_fill(quay: Quay, folder: Path, filing: Filing) -> list[str]:
    """Files are asked for into a group of a customer, and sent; lines that tell who has them then."""
    made = await quay.command("key", "add", *(f"--scope={each}" for each in _SCOPES))
    desk = Desk(quay, str(made["key"]))
    await asyncio.to_thread(folder.mkdir)
    contract, picture = folder / "contract.pdf", folder / "logo.png"
    samples.write_pdf(contract, samples.CONTRACT)
    picture.write_bytes(samples.picture())
    asked = await desk.ask("Contract renewal", await desk.directory("filing", GROUP), _WANTED)
    title = await _fill(asked["links"]["publicRequest"]["href"], _WANTED, [contract, picture])
    done = await desk.completed(asked["id"])
    file_id = done["requestedFiles"][0]["uploadedFileId"]
    expect("what the application fetched", await desk.fetch(file_id), contract.read_bytes())
    found = await filing.finds("verlenging")
    expect("what the customer's search finds by its words", found, contract.name)
    return [f"{asked['id']}: {title}", f"{found} is fetched by its id, and found by what is in it"]


async def _fill(link: str, wanted: Sequence[dict[str, Any]], files: Sequence[Path]) -> str:
    """Send the files by the page behind *link*, as somebody would; a line that tells how."""
    chromium = shutil.which("chromium")
    if chromium is not None and importlib.util.find_spec("playwright") is not None:
        return await asyncio.to_thread(_in_browser, chromium, link, files)
    await _as_the_page_does(link, wanted, files)
    return "sent as its page does: there is no chromium here, or no playwright"


async def _as_the_page_does(link: str, wanted: Sequence[dict[str, Any]], files: Sequence[Path]) -> None:
    """The page's requests, without a browser: tus into each slot, then *send*."""
    async with aiohttp.ClientSession(headers={"Tus-Resumable": "1.0.0"}) as session:
        page = await (await session.get(link)).text()
        slots = re.findall(r'data-slot="([0-9a-f]{32})"', page)
        expect("places for files on the page", len(slots), len(wanted))
        for slot, file in zip(slots, files, strict=True):
            data = await asyncio.to_thread(file.read_bytes)
            said = {"slot": slot, "filename": file.name}
            told = ",".join(f"{key} {b64encode(value.encode()).decode()}" for key, value in said.items())
            headers = {"Upload-Length": str(len(data)), "Upload-Metadata": told}
            begun = await session.post(f"{link}/uploads", headers=headers)
            expect(f"answer to the creation of {file.name}", begun.status, 201)
            headers = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
            where = urljoin(link, begun.headers["Location"])
            done = await session.patch(where, headers=headers, data=data)
            expect(f"answer to the bytes of {file.name}", done.status, 204)
        sent = await session.post(f"{link}/send", headers={"Origin": link[: link.index("/", 8)]})
        expect("answer to *send*", sent.status, 200)


def _in_browser(chromium: str, link: str, files: Sequence[Path]) -> str:
    from playwright.sync_api import expect as seen
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        with playwright.chromium.launch(executable_path=chromium, args=list(_FLAGS)) as browser:
            page = browser.new_page(locale="en-GB")
            page.goto(link)
            page.locator("#choose-several").set_input_files(list(files))
            for slot in page.locator(".slot").all():
                seen(slot).to_have_attribute("data-state", "held", timeout=_PATIENCE_MS)
            page.get_by_role("button", name="Send").click()
            seen(page.locator(".receipt")).to_be_visible(timeout=_PATIENCE_MS)
            return str(page.get_by_role("heading", level=1).inner_text())
