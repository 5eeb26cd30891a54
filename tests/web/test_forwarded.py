"""Whose address a request comes from."""

import pytest
from starlette.types import Message, Scope

from kade.web.middleware.forwarded import Forwarded, client_of

PROXIES = ("10.0.0.0/8", "::1")


async def _seen(peer: str, *told: str, proxies: tuple[str, ...] = PROXIES) -> str:
    found: list[str] = []

    async def app(scope: Scope, _receive: object, _send: object) -> None:
        found.append(client_of(scope))

    async def nothing() -> Message:
        raise AssertionError("nobody asks")

    async def nowhere(_message: Message) -> None:
        raise AssertionError("nobody answers")

    headers = [(b"x-forwarded-for", each.encode()) for each in told]
    scope: Scope = {"type": "http", "client": (peer, 1) if peer else None, "headers": headers}
    await Forwarded(app, proxies)(scope, nothing, nowhere)
    return found[0]


@pytest.mark.parametrize(
    ("peer", "told", "address"),
    [
        ("10.0.0.1", ["192.0.2.7"], "192.0.2.7"),
        ("::1", ["2001:db8::7"], "2001:db8::7"),
        ("::ffff:10.0.0.1", ["192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", ["192.0.2.7, 10.0.0.2"], "192.0.2.7"),
        ("10.0.0.1", ["192.0.2.7", "10.0.0.2"], "192.0.2.7"),
        # What stands further left, the client may have written itself.
        ("10.0.0.1", ["198.51.100.1, 192.0.2.7"], "192.0.2.7"),
        ("192.0.2.7", ["10.0.0.9"], "192.0.2.7"),
        ("192.0.2.7", ["198.51.100.1"], "192.0.2.7"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["somebody"], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.7, unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["192.0.2.7:443"], "10.0.0.1"),
        ("", ["192.0.2.7"], ""),
    ],
)
async def test_the_first_address_that_is_no_proxy(peer: str, told: list[str], address: str) -> None:
    assert await _seen(peer, *told) == address


async def test_without_proxies_the_header_says_nothing() -> None:
    assert await _seen("10.0.0.1", "192.0.2.7", proxies=()) == "10.0.0.1"
