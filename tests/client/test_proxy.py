"""Transfers through a real proxy: tunnels for https, its credentials, and what a policy still says."""

from __future__ import annotations

import logging
from pathlib import Path

import aiohttp
import pytest
from tests.client.servers import FileServer, TusServer, running
from tests.client.test_redirects import serving
from tests.support.forward_proxy import ForwardProxy
from yarl import URL

from kade.auth.authority import create_authority, issue_server
from kade.client import Policy, Proxy, RemotePeer, Retry, TransferError, client_context
from kade.client.files import fetch, send
from kade.client.upload_states import UploadStates

QUICK = Retry(attempts=2, first=0.01, longest=0.02, stall=5.0)
BASIC = aiohttp.encode_basic_auth("me", "hush")


def through(proxy: ForwardProxy, credentials: str = "me:hush@") -> Proxy:
    return Proxy.parse(proxy.url.replace("://", f"://{credentials}"))


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    ours = create_authority("Ours")
    ours.save(folder / "ca.crt", folder / "ca.key")
    issue_server(ours, ["files.example.org"]).save(folder / "server.crt", folder / "server.key")
    return folder


async def test_https_goes_through_a_tunnel_to_a_name_that_the_proxy_knows(pki: Path, tmp_path: Path) -> None:
    names = {"files.example.org": "127.0.0.1"}
    async with ForwardProxy(BASIC, names).running() as proxy:
        async with running(FileServer(b"text"), serving(pki)) as base:
            url = str(URL(base).with_host("files.example.org"))
            tls = client_context(authorities=pki / "ca.crt")
            policy = Policy(hosts=("*.example.org",), schemes=frozenset({"https"}))
            peer = RemotePeer(url, tls=tls, retry=QUICK, proxy=through(proxy), policy=policy)
            async with peer:
                assert (await fetch(peer, url, tmp_path / "x")).size == 4
                with pytest.raises(TransferError, match="host is not among"):
                    await fetch(peer, "https://other.example.net/", tmp_path / "y")
    assert proxy.log[0] == f"CONNECT files.example.org:{URL(url).port} HTTP/1.1"
    assert len(proxy.log) == 1


async def test_http_goes_through_both_ways(tmp_path: Path) -> None:
    file = tmp_path / "file"
    write(file)
    server = TusServer()
    async with ForwardProxy(BASIC).running() as proxy, running(server) as base:
        async with RemotePeer(base, retry=QUICK, proxy=through(proxy)) as peer:
            await send(peer, f"{base}/files/upload", file, states=UploadStates(tmp_path / "states"))
    assert bytes(server.uploads["u0"]) == b"content"
    assert proxy.log[0] == f"POST {base}/files/upload HTTP/1.1"
    assert not any("Proxy-Authorization" in headers for headers in server.headers)


def write(file: Path) -> None:
    file.write_bytes(b"content")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_wrong_credentials_are_said_and_not_shown(
    scheme: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with ForwardProxy(BASIC).running() as proxy:
        chosen = through(proxy, "me:guess@")
        async with RemotePeer(f"{scheme}://example.org", retry=QUICK, proxy=chosen) as peer:
            with pytest.raises(TransferError, match="407: the proxy wants other credentials") as caught:
                await fetch(peer, f"{scheme}://example.org/x", tmp_path / "x")
    secret = aiohttp.encode_basic_auth("me", "guess").removeprefix("Basic ")
    for text in (str(caught.value), repr(chosen), caplog.text):
        assert "guess" not in text
        assert secret not in text


@pytest.mark.parametrize(("answer", "permanent"), [("403 Forbidden", True), ("503 Busy", False)])
async def test_a_tunnel_that_is_refused(answer: str, permanent: bool, tmp_path: Path) -> None:
    async with ForwardProxy(refuse=answer).running() as proxy:
        chosen = Proxy.parse(proxy.url)
        async with RemotePeer("https://example.org", retry=QUICK, proxy=chosen) as peer:
            with pytest.raises(TransferError, match=f"the proxy answered {answer[:3]}") as caught:
                await fetch(peer, "https://example.org/x", tmp_path / "x")
    assert caught.value.permanent == permanent
    assert len(proxy.log) == (1 if permanent else 2)


async def test_an_own_address_in_a_url_is_refused_behind_a_proxy_too(tmp_path: Path) -> None:
    async with ForwardProxy().running() as proxy:
        for url in ("http://2130706433/", "http://localhost./", "http://[::1]/"):
            async with RemotePeer(url, retry=QUICK, proxy=Proxy.parse(proxy.url), policy=Policy()) as peer:
                with pytest.raises(TransferError, match="does not allow"):
                    await fetch(peer, url, tmp_path / "x")
    assert proxy.log == []


@pytest.mark.parametrize(
    "text",
    ["", "proxy:3128", "https://h:1", "socks5://h:1", "http://h:1/path", "http://me:hush@", "http://["],
)
def test_what_is_no_proxy_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="a proxy is a URL such as") as caught:
        Proxy.parse(text)
    assert "hush" not in str(caught.value)
