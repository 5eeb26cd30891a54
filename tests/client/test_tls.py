"""Real handshakes: who is let in, and whom we trust."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
from aiohttp import web
from tests.client.servers import running

from kade.auth.authority import Issued, create_authority, issue_client, issue_server
from kade.client import RemotePeer, Retry, TransferError, client_context
from kade.client.files import fetch as download

PASSWORD = "hush"  # noqa: S105
QUICK = Retry(attempts=5, first=0.01, stall=5.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, a server, and a client in every form."""
    folder = tmp_path_factory.mktemp("pki")
    ours, other = create_authority("Ours"), create_authority("Other")
    issue_server(ours, ["127.0.0.1"]).save(folder / "server.crt", folder / "server.key")
    for name, authority in (("ca", ours), ("other-ca", other)):
        authority.save(folder / f"{name}.crt", folder / f"{name}.key")
    save_client(issue_client(ours, "partner"), ours, folder, "client")
    save_client(issue_client(other, "stranger"), other, folder, "stranger")
    return folder


def save_client(client: Issued, authority: Issued, folder: Path, name: str) -> None:
    client.save(folder / f"{name}.crt", folder / f"{name}.key")
    (folder / f"{name}.p12").write_bytes(client.pkcs12(PASSWORD, authority.certificate))


async def whoami(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    certificate = request.transport.get_extra_info("peercert")
    return web.Response(text=certificate["subject"][0][0][1])


async def greeting(folder: Path, context: ssl.SSLContext) -> str:
    """What a server, which demands a certificate from our authority, answers."""
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder / "ca.crt")
    server.load_cert_chain(folder / "server.crt", folder / "server.key")
    server.verify_mode = ssl.CERT_REQUIRED
    target = folder / "greeting"
    async with running(whoami, server) as base, RemotePeer(base, tls=context, retry=QUICK) as peer:
        await download(peer, base, target)
    return read(target)


def read(path: Path) -> str:
    return path.read_text()


async def test_pem_and_key_are_shown(folder: Path) -> None:
    context = client_context(folder / "client.crt", folder / "client.key", authorities=folder / "ca.crt")
    assert await greeting(folder, context) == "partner"


async def test_pkcs12_is_shown(folder: Path) -> None:
    context = client_context(folder / "client.p12", password=PASSWORD, authorities=folder / "ca.crt")
    assert await greeting(folder, context) == "partner"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("name", [None, "stranger"])
async def test_who_is_refused_gets_a_sentence(
    folder: Path, name: str | None, version: ssl.TLSVersion
) -> None:
    """Two attempts, not five: it will not pass."""
    context = client_context(
        folder / f"{name}.crt" if name else None,
        folder / f"{name}.key" if name else None,
        authorities=folder / "ca.crt",
    )
    context.maximum_version = version
    with pytest.raises(TransferError, match=r"refuses our certificate, or asks for one$"):
        await greeting(folder, context)


async def test_a_server_that_we_do_not_trust_is_named_and_not_asked_again(folder: Path) -> None:
    context = client_context(
        folder / "client.crt", folder / "client.key", authorities=folder / "other-ca.crt"
    )
    with pytest.raises(TransferError, match="its certificate is not trusted: self-signed certificate in"):
        await greeting(folder, context)


async def test_a_handshake_that_nobody_answers_ends_with_the_time_to_connect(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"https://127.0.0.1:{mute.getsockname()[1]}"
        async with RemotePeer(url, retry=Retry(attempts=1), connect_timeout=0.1) as peer:
            with pytest.raises(TransferError, match="nothing came for too long") as caught:
                await download(peer, url, tmp_path / "x")
    assert not caught.value.permanent


@pytest.mark.parametrize(
    ("certificate", "key", "password", "words"),
    [
        ("none.crt", None, None, "none.crt: No such file"),
        ("client.crt", "ca.key", None, "no certificate with its key"),
        ("client.crt", None, None, "no certificate with its key"),
        ("client.p12", None, "wrong", "not the right password"),
        ("none.p12", None, "wrong", "none.p12: No such file"),
        (None, "client.key", None, "a key was given without its certificate"),
    ],
)
def test_files_that_cannot_be_used_are_named(
    folder: Path, certificate: str | None, key: str | None, password: str | None, words: str
) -> None:
    with pytest.raises(TransferError, match=words):
        client_context(
            folder / certificate if certificate else None, folder / key if key else None, password=password
        )


@pytest.mark.parametrize(
    ("name", "words"), [("none.crt", "No such file"), ("client.key", "holds no certificates")]
)
def test_authorities_that_cannot_be_used_are_named(folder: Path, name: str, words: str) -> None:
    with pytest.raises(TransferError, match=words):
        client_context(authorities=folder / name)
