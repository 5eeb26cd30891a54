"""Redirects: what is asked along the way, and what is not shown to strangers."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from aiohttp import web
from tests.client.servers import FileServer, Handler, running

from kade.auth.authority import create_authority, issue_client, issue_server
from kade.client import RemotePeer, Retry, TransferError, client_context
from kade.client.files import fetch

QUICK = Retry(attempts=3, first=0.01, longest=0.02, stall=5.0)


def redirecting(target: str, status: int = 302) -> Handler:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": target})

    return answer


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed_and_keeps_the_range(status: int, tmp_path: Path) -> None:
    server = FileServer(b"x" * 1000, cut_after=[400])
    async with running(server) as there, running(redirecting(f"{there}/x", status)) as here:
        async with RemotePeer(here, retry=QUICK) as peer:
            assert (await fetch(peer, f"{here}/x", tmp_path / "x")).size == 1000
    assert server.log == [("GET", "", ""), ("GET", "bytes=400-", '"one"')]


async def test_a_relative_redirect_stays_on_its_server(tmp_path: Path) -> None:
    async def moved(request: web.Request) -> web.Response:
        if request.path == "/old/x":
            return web.Response(status=301, headers={"Location": "../new/x"})
        return web.Response(text=request.path)

    async with running(moved) as base, RemotePeer(base, retry=QUICK) as peer:
        await fetch(peer, f"{base}/old/x", tmp_path / "x")
    assert text(tmp_path / "x") == "/new/x"


def text(path: Path) -> str:
    return path.read_text()


async def test_five_redirects_are_the_most(tmp_path: Path) -> None:
    asked: list[str] = []

    async def on_and_on(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=302, headers={"Location": f"/{len(asked)}"})

    async with running(on_and_on) as base, RemotePeer(base, retry=QUICK) as peer:
        with pytest.raises(TransferError, match="in circles") as caught:
            await fetch(peer, base, tmp_path / "x")
    assert caught.value.permanent
    assert len(asked) == 6


async def test_a_redirect_to_an_upload_is_not_followed(tmp_path: Path) -> None:
    async with running(redirecting("/x")) as base, RemotePeer(base, retry=QUICK) as peer:
        with pytest.raises(TransferError, match="use that address"):
            async with peer.request("POST", base) as answer:
                from kade.client.answers import refuse

                raise refuse(answer, base)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    ours = create_authority("Ours")
    ours.save(folder / "ca.crt", folder / "ca.key")
    issue_server(ours, ["127.0.0.1"]).save(folder / "server.crt", folder / "server.key")
    issue_client(ours, "partner").save(folder / "client.crt", folder / "client.key")
    return folder


def serving(pki: Path) -> ssl.SSLContext:
    """Asks for a certificate, and takes none for an answer too."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=pki / "ca.crt")
    context.load_cert_chain(pki / "server.crt", pki / "server.key")
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


async def test_key_and_certificate_are_not_shown_to_another_origin(pki: Path, tmp_path: Path) -> None:
    seen: list[tuple[str, bool, bool]] = []

    async def note(request: web.Request) -> None:
        assert request.transport is not None
        certificate = bool(request.transport.get_extra_info("peercert"))
        seen.append((request.path, certificate, "Authorization" in request.headers))

    async def stranger(request: web.Request) -> web.Response:
        await note(request)
        return web.Response(status=302, headers={"Location": f"{home}/back"})

    async def ours(request: web.Request) -> web.Response:
        await note(request)
        if request.path == "/back":
            return web.Response(text="home again")
        return web.Response(status=302, headers={"Location": f"{abroad}/abroad"})

    async with running(ours, serving(pki)) as home, running(stranger, serving(pki)) as abroad:
        peer = RemotePeer(
            home,
            tls=client_context(pki / "client.crt", pki / "client.key", authorities=pki / "ca.crt"),
            elsewhere=client_context(authorities=pki / "ca.crt"),
            bearer="key",
            retry=QUICK,
        )
        async with peer:
            await fetch(peer, f"{home}/x", tmp_path / "x")
    assert seen[:3] == [("/x", True, True), ("/abroad", False, False), ("/back", True, True)]


async def test_from_https_nothing_leads_back_to_http(pki: Path, tmp_path: Path) -> None:
    plain = FileServer(b"1")
    async with running(plain) as there, running(redirecting(there), serving(pki)) as here:
        async with RemotePeer(here, tls=client_context(authorities=pki / "ca.crt"), retry=QUICK) as peer:
            with pytest.raises(TransferError, match="leads away from https") as caught:
                await fetch(peer, here, tmp_path / "x")
    assert caught.value.permanent
    assert plain.log == []
