"""Where transfers may go: URLs, odd spellings of addresses, resolvers that lie, redirects."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from tests.client.servers import FileServer, running
from yarl import URL

from kade.client import Policy, RemotePeer, Retry, TransferError
from kade.client.files import fetch
from kade.client.policy import AddressRefused

ONCE = Retry(attempts=1)
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "0.0.0.0", "10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "fe80::1", "fec0::1", "fc00::1",
        "ff02::1", "2001:db8::1", "2001::1", "3fff::1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::",
    ],
)  # fmt: skip
def test_what_is_not_global_unicast_is_refused(address: str) -> None:
    assert not Policy().allows(ipaddress.ip_address(address))
    assert not Policy(networks=(ipaddress.ip_network("192.168.7.0/24"),)).allows(
        ipaddress.ip_address(address)
    )


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "172.32.0.1", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"],
)
def test_global_unicast_is_allowed(address: str) -> None:
    assert Policy().allows(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203"])
def test_a_network_opens_an_address_in_every_form(address: str) -> None:
    policy = Policy(networks=(ipaddress.ip_network("10.0.0.0/8"),))
    assert policy.allows(ipaddress.ip_address(address))
    assert not policy.allows(ipaddress.ip_address("192.168.0.1"))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1./",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://0.0.0.0/",
        "http://0x7f.1/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://017700000001/",
        "http://127.1/",
        "http://localhost/",
        "http://LOCALHOST./",
        "http://files.localhost/",
        "http://169.254.169.254/latest/meta-data",
    ],
)
async def test_no_spelling_of_an_own_address_is_reached(url: str) -> None:
    with pytest.raises(TransferError) as caught:
        Policy().check(URL(url))
    assert caught.value.permanent
    async with RemotePeer(url, retry=ONCE, policy=Policy()) as peer:
        with pytest.raises(TransferError, match="does not allow") as caught:
            async with peer.request("GET", url):
                pass
    assert caught.value.permanent


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org/x", "gopher://127.0.0.1/", "//x/"])
def test_other_schemes_are_no_urls_at_all(url: str) -> None:
    with pytest.raises(TransferError) as caught:
        RemotePeer(url, policy=Policy())
    assert caught.value.permanent


def test_schemes_can_be_narrowed() -> None:
    with pytest.raises(TransferError, match="http is not among https"):
        Policy(schemes=frozenset({"https"})).check(URL("http://example.org/"))


@pytest.mark.parametrize(
    "url", ["https://me:hush@example.org/", "https://me@example.org/", "https://:hush@h/"]
)
def test_user_and_password_in_a_url_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(TransferError, match="user or password") as caught:
        Policy().check(URL(url))
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("files.example.org", True),
        ("a.b.EXAMPLE.org.", True),
        ("example.org", False),
        ("badexample.org", False),
        ("example.org.evil.net", False),
        ("partner.nl", True),
        ("www.partner.nl", False),
        ("8.8.8.8", False),
        ("9.9.9.9", True),
    ],
)
def test_hosts_are_matched_by_labels(host: str, allowed: bool) -> None:
    policy = Policy(hosts=("*.example.org", "Partner.nl", "9.9.9.9"))
    if allowed:
        policy.check(URL(f"https://{host}/x"))
        return
    with pytest.raises(TransferError, match="not among the allowed"):
        policy.check(URL(f"https://{host}/x"))


class Names(AbstractResolver):
    """A resolver whose answers are given: the addresses of each name."""

    def __init__(self, names: dict[str, list[str]]) -> None:
        self.names = names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self.names[host]
        ]

    async def close(self) -> None: ...


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["::1", "127.0.0.1"], ["::ffff:127.0.0.1"], ["169.254.169.254", "127.0.0.1", "10.0.0.1"]],
)
async def test_a_name_that_leads_inside_is_refused_where_the_socket_is_made(
    addresses: list[str], tmp_path: Path
) -> None:
    """As after DNS rebinding: the name is harmless when the URL is looked at."""
    server = FileServer(b"secret")
    async with running(server) as base:
        url = str(URL(base).with_host("files.example.org"))
        Policy().check(URL(url))
        resolver = Names({"files.example.org": addresses})
        async with RemotePeer(url, retry=ONCE, policy=Policy(), resolver=resolver) as peer:
            with pytest.raises(TransferError, match="address of this host") as caught:
                await fetch(peer, url, tmp_path / "x")
    assert caught.value.permanent
    assert server.log == []


async def test_of_several_addresses_the_allowed_one_is_taken(tmp_path: Path) -> None:
    async with running(FileServer(b"text")) as base:
        url = str(URL(base).with_host("files.example.org"))
        resolver = Names({"files.example.org": ["10.0.0.1", "127.0.0.1"]})
        policy = Policy(networks=LOOPBACK)
        async with RemotePeer(url, retry=ONCE, policy=policy, resolver=resolver) as peer:
            assert (await fetch(peer, url, tmp_path / "x")).size == 4


async def test_without_a_policy_a_person_may_name_any_url(tmp_path: Path) -> None:
    async with running(FileServer(b"text")) as base, RemotePeer(base) as peer:
        assert (await fetch(peer, base, tmp_path / "x")).size == 4


def test_a_refused_address_makes_no_socket() -> None:
    with pytest.raises(AddressRefused):
        Policy().socket((socket.AF_INET6, socket.SOCK_STREAM, 0, "", ("fe80::1%eth0", 80, 0, 2)))


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("http://10.0.0.1/x", "its address is not among"),
        ("http://localhost:1/x", "its host is not among"),
        ("http://evil.example.net/x", "its host is not among"),
        ("file:///etc/passwd", "no complete URL"),
        ("http://me:hush@127.0.0.1/x", "with a password"),
        ("", "redirects to ''"),
        ("http://[", "redirects to"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_each_hop_of_a_redirect_is_judged(target: str, words: str, method: str) -> None:
    async def elsewhere(_request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": target})

    policy = Policy(hosts=("127.0.0.1", "10.0.0.1"), networks=LOOPBACK)
    async with running(elsewhere) as base, RemotePeer(base, retry=ONCE, policy=policy) as peer:
        with pytest.raises(TransferError, match=words) as caught:
            async with peer.request(method, base, redirects=True):
                pass
    assert caught.value.permanent
    assert "hush" not in str(caught.value)
