"""A client of the File API of a real server process, with nothing but HTTP."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import quote, urlencode

from tests.support.kade_server import KadeServer


class FileApiClient:
    """One application of a server, made by the command line; it works for one tenant."""

    def __init__(self, server: KadeServer, name: str, tenant: str, *rights: tuple[str, int]) -> None:
        """*rights*: (``publisher`` or ``subscriber``, business type), of types that are there."""
        self._server = server
        self._tenant = tenant
        added = json.loads(server.run("application", "add", name, "--no-sandbox", "--json"))
        self.client_id, self.secret = str(added["client_id"]), str(added["client_secret"])
        for role, number in rights:
            server.run(
                *("application", "grant", name, "--as", role, "--type", str(number), "--tenant", tenant)
            )
        self.token = ""

    def get_token(self) -> None:
        """A fresh token by client credentials."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.secret,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        status, body = self.request("POST", "/connect/token", urlencode(form).encode(), headers)
        assert status == 200, body
        self.token = json.loads(body)["access_token"]

    def publish(self, name: str, number: int, data: bytes) -> str:
        """A file in one request; its id. Raises OSError or HTTPException when the server is gone."""
        headers, body = related({"name": name, "businesstypeid": str(number)}, data)
        status, answer = self.api("POST", "/files?uploadType=multipart", body, headers)
        assert status == 201, answer
        return str(json.loads(answer)["id"])

    def listed(self, condition: str = "") -> list[dict[str, Any]]:
        """A subscriber's whole list."""
        query = {"role": "subscriber", "pageSize": "1000", "$filter": condition}
        status, body = self.api("GET", f"/files?{urlencode(query, quote_via=quote)}")
        assert status == 200, body
        page = json.loads(body)
        assert page["count"] == len(page["data"])
        found: list[dict[str, Any]] = page["data"]
        return found

    def api(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """A request below the API's prefix, with token and tenant."""
        said = {"Authorization": f"Bearer {self.token}", "x-raet-tenant-id": self._tenant, **(headers or {})}
        return self.request(method, f"/fileapi/v1.0{path}", body, said)

    def request(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self._server.web_port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def related(description: object, data: bytes, boundary: str = "foo_bar_baz") -> tuple[dict[str, str], bytes]:
    """Headers and body of an upload: the second part has no headers at all."""
    told = json.dumps(description).encode()
    mark = f"--{boundary}".encode()
    body = (
        mark
        + b"\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n"
        + told
        + b"\r\n"
        + mark
        + b"\r\n\r\n"
        + data
        + b"\r\n"
        + mark
        + b"--\r\n"
    )
    return {"Content-Type": f"multipart/related;boundary={boundary}"}, body
