"""Applications that publish and subscribe by tenant and business type, as their programs would."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from kade.cli.demo.quay import Quay, Unexpected, expect
from kade.client import RemotePeer

TENANT = "acme"
PAYROLL, PARCELS = 8000, 8001
_BOUNDARY = "the-quay"
_RULE_S = 30.0  # within which a rule must have followed


class Places:
    """Where tokens are given and the API stands, as the server itself tells."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.tokens = str(told["token_endpoint"])
        self.api = str(told["protected_resources"][0])


async def places(quay: Quay) -> Places:
    """What `/.well-known/oauth-authorization-server` says (RFC 8414)."""
    url = f"{quay.web}/.well-known/oauth-authorization-server"
    async with RemotePeer(quay.web) as peer, peer.request("GET", url) as answer:
        expect("answer of the metadata", answer.status, 200)
        return Places(await answer.json())


@dataclass
class Client:
    """One application with its secret; it gets a token and works for one tenant."""

    quay: Quay
    at: Places
    client_id: str
    secret: str
    token: str = ""

    @classmethod
    async def made(cls, quay: Quay, at: Places, name: str, *rights: tuple[str, int]) -> Client:
        """A new application with these rights: (role, business type)."""
        added = await quay.command("application", "add", name, "--no-sandbox")
        for role, number in rights:
            await quay.command(
                "application", "grant", name, "--as", role, "--type", str(number), "--tenant", TENANT
            )
        client = cls(quay, at, added["client_id"], added["client_secret"])
        await client.get_token()
        return client

    async def get_token(self) -> None:
        """By client credentials (RFC 6749, 4.4)."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.secret,
        }
        async with (
            RemotePeer(self.quay.web) as peer,
            peer.request("POST", self.at.tokens, body=form) as answer,
        ):
            expect("answer to the request of a token", answer.status, 200)
            self.token = (await answer.json())["access_token"]

    async def publish(self, name: str, number: int, data: bytes) -> str:
        """A file in one request; its id."""
        status, _, body = await self._send(name, number, data, "multipart")
        expect(f"answer to the upload of {name} ({body[:200]!r})", status, 201)
        return str(json.loads(body)["id"])

    async def publish_in_chunks(self, name: str, number: int, data: bytes, size: int) -> str:
        """The same in chunks, of which all but the first go at once; its id."""
        chunks = [data[at : at + size] for at in range(0, len(data), size)]
        status, _, body = await self._send(name, number, chunks[0], "resumable")
        expect("answer to the first chunk", status, 206)
        url = f"{self.at.api}/files?uploadType=resumable&uploadToken={json.loads(body)['uploadToken']}"
        answers = await asyncio.gather(
            *(
                self._call("PUT", f"{url}&position={at}", body=chunk)
                for at, chunk in enumerate(chunks[1:], start=1)
            )
        )
        expect("answers to the other chunks", {answer[0] for answer in answers}, {206})
        status, _, body = await self._call("POST", url)
        expect("answer to the end of the upload", status, 201)
        expect("chunks that were counted", json.loads(body)["numChunks"], len(chunks))
        return str(json.loads(body)["id"])

    async def listed(self, condition: str = "") -> list[dict[str, Any]]:
        """The files of a subscriber's list."""
        query = urlencode({"role": "subscriber", "$filter": condition}, quote_via=quote)
        status, _, body = await self._call("GET", f"{self.at.api}/files?{query}")
        expect("answer to the list", status, 200)
        found: list[dict[str, Any]] = json.loads(body)["data"]
        return found

    async def fetch(self, file_id: str) -> str:
        """Download a file; its SHA-256."""
        status, _, body = await self._call("GET", f"{self.at.api}/files/{file_id}?role=subscriber")
        expect("answer to the download", status, 200)
        return hashlib.sha256(body).hexdigest()

    async def delete(self, file_id: str) -> None:
        """Delete a file for this application alone."""
        status, _, _ = await self._call("DELETE", f"{self.at.api}/files/{file_id}?role=subscriber")
        expect("answer to the deletion", status, 204)

    async def waited_for(self, name: str) -> dict[str, Any]:
        """The entry of that name, once a rule has brought it. Raises Unexpected when it does not come."""
        deadline = time.monotonic() + _RULE_S
        while time.monotonic() < deadline:
            found = [entry for entry in await self.listed() if entry["fileName"] == name]
            if found:
                return found[0]
            await asyncio.sleep(0.1)
        raise Unexpected(f"{name} did not come within {_RULE_S:.0f} s")

    async def _send(self, name: str, number: int, data: bytes, kind: str) -> tuple[int, Any, bytes]:
        description = json.dumps({"name": name, "businesstypeid": str(number)})
        body = (
            f"--{_BOUNDARY}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{description}\r\n"
            f"--{_BOUNDARY}\r\n\r\n"
        ).encode()
        body += data + f"\r\n--{_BOUNDARY}--\r\n".encode()
        headers = {"Content-Type": f"multipart/related;boundary={_BOUNDARY}"}
        return await self._call("POST", f"{self.at.api}/files?uploadType={kind}", headers, body)

    async def _call(
        self, method: str, url: str, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> tuple[int, Any, bytes]:
        said = {"Authorization": f"Bearer {self.token}", "x-raet-tenant-id": TENANT, **(headers or {})}
        async with (
            RemotePeer(self.quay.web) as peer,
            peer.request(method, url, said, body=body) as answer,
        ):
            return answer.status, answer.headers, await answer.read()
