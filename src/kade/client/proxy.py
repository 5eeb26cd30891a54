"""The HTTP proxy that transfers go through."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
from yarl import URL

_HEADER = "Proxy-Authorization"


@dataclass(frozen=True)
class Proxy:
    """Where a proxy is, and what it wants to see; `credentials` are secret and in no representation."""

    url: URL
    credentials: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """A proxy from `http://user:password@host:port`. Raises ValueError, without the text in it."""
        try:
            url = URL(text)
            complete = url.scheme == "http" and url.host and url.port and url.path in ("", "/")
        except ValueError:
            complete = False
        if not complete:
            raise ValueError("a proxy is a URL such as http://host:3128")
        if url.user is None:
            return cls(url.origin())
        return cls(url.origin(), aiohttp.encode_basic_auth(url.user, url.password or ""))

    def options(self, target: URL, headers: dict[str, str]) -> dict[str, Any]:
        """What a request to `target` through the proxy needs.

        Credentials go into the CONNECT for https, and for http, which the proxy reads anyway, into `headers`.
        """
        if self.credentials is None:
            return {"proxy": self.url}
        if target.scheme == "https":
            return {"proxy": self.url, "proxy_headers": {_HEADER: self.credentials}}
        headers[_HEADER] = self.credentials
        return {"proxy": self.url}
