"""A partner whose authority has revoked the certificate is out, without a restart (GB011)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.dialects.fileserver.conftest import Build, authority, build, server_identity
from tests.dialects.fileserver.house import House, Partner
from tests.services.conftest import until
from tests.support.pki import Authority

from kade.config import ConfigError
from kade.core.events import Outcome

__all__ = ["authority", "build", "server_identity"]

OIN = "00000001234567890000"
BEHIND_PROXY = {
    "EXCHANGE_TLS": "false",
    "EXCHANGE_CLIENT_CERTIFICATE_HEADER": "X-Client-Certificate",
    "EXCHANGE_TRUSTED_PROXIES": "127.0.0.1",
}


def settings(place: Path, **more: str) -> dict[str, str]:
    return {
        "KADE_EXCHANGE_CLIENT_CRLS": str(place),
        "KADE_EXCHANGE_CLIENT_CRL_REFRESH": "100ms",
        **{f"KADE_{key}": value for key, value in more.items()},
    }


def replace(place: Path, data: bytes) -> None:
    place.with_suffix(".new").write_bytes(data)
    place.with_suffix(".new").replace(place)


async def asks(house: House, partner: Partner) -> int:
    """The status of a request by the partner."""
    return (await house.call("GET", f"{house.exchange}/download/x", by=partner.session)).status


async def test_a_revoked_certificate_is_refused_noted_and_back_when_the_list_says_so(
    build: Build, authority: Authority, tmp_path: Path
) -> None:
    place = tmp_path / "root.crl"
    place.write_bytes(authority.issue_crl())
    async with build(settings(place)) as house:
        partner, other = await house.partner("partner"), await house.partner("other")
        assert (await asks(house, partner), await asks(house, other)) == (404, 404)
        replace(place, authority.issue_crl(partner.identity))

        async def refused() -> bool:
            return await asks(house, partner) == 401

        await until(refused)
        assert await asks(house, other) == 404
        noted = [each for each in await house.journal() if each.outcome == Outcome.REFUSED]
        assert "access.revoked_by_authority" in {each.reason for each in noted}
        replace(place, b"half a li")
        replace(place, authority.issue_crl())

        async def welcome() -> bool:
            return await asks(house, partner) == 404

        await until(welcome)


async def test_a_running_upload_lets_go(build: Build, authority: Authority, tmp_path: Path) -> None:
    place = tmp_path / "root.crl"
    place.write_bytes(authority.issue_crl())
    async with build(settings(place)) as house:
        partner = await house.partner("partner")

        async def pieces() -> AsyncIterator[bytes]:
            yield b"x" * 100_000
            replace(place, authority.issue_crl(partner.identity))
            while True:  # until it is cut
                yield b"x"
                await asyncio.sleep(0.02)

        async with partner.session.put(f"{house.exchange}/gb/0/a", data=pieces()) as response:
            assert response.status in (401, 423)
        assert (await house.call("GET", "/files")).json == []
        assert await asks(house, partner) == 401


@pytest.mark.parametrize(("policy", "status"), [("refuse", 403), ("warn", 404)])
async def test_without_a_list_the_policy_decides(
    build: Build, tmp_path: Path, policy: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    more = {"DIALECTS_FILESERVER_UNKNOWN_CERTIFICATE_STATUS": "403", "EXCHANGE_CLIENT_CRL_POLICY": policy}
    async with build(settings(tmp_path / "none", **more)) as house:
        partner = await house.partner("partner")
        assert await asks(house, partner) == status
        assert ("no revocation list in force" in capsys.readouterr().out) == (policy == "warn")


async def test_by_number_too(build: Build, authority: Authority, tmp_path: Path) -> None:
    """GB009: any certificate of the organisation, but none that was revoked."""
    identity, revoked = (authority.issue_client(name, oin=OIN) for name in ("one", "two"))
    (tmp_path / "root.crl").write_bytes(authority.issue_crl(revoked))
    more = {"DIALECTS_FILESERVER_MATCH_OIN": "true"}
    async with build(settings(tmp_path / "root.crl", **more)) as house:
        partner = await house.partner("partner")
        await house.register_number("partner", OIN)
        for each, status in ((identity, 404), (revoked, 401)):
            again = Partner(partner.id, "partner", each, house.session(identity=each))
            assert await asks(house, again) == status


async def test_lists_need_authorities(build: Build, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="client_crls needs client_ca"):
        async with build({**settings(tmp_path), "KADE_EXCHANGE_CLIENT_CA": ""}):
            pass


async def test_what_a_proxy_passes_on_is_judged_too(
    build: Build, authority: Authority, tmp_path: Path
) -> None:
    good, bad = authority.issue_client("good"), authority.issue_client("bad")
    place = tmp_path / "root.crl"
    place.write_bytes(authority.issue_crl(bad))
    async with build(settings(place, **BEHIND_PROXY)) as house:
        for identity, status in ((good, 404), (bad, 401)):
            await house.partner(f"partner{status}", identity)
            passed_on = {"X-Client-Certificate": quote(identity.pem)}
            answer = await house.call("GET", f"{house.exchange}/download/x", headers=passed_on)
            assert answer.status == status


async def test_without_authorities_nothing_starts(build: Build, tmp_path: Path) -> None:
    """No list would count, and nobody be refused."""
    more = {**BEHIND_PROXY, "EXCHANGE_CLIENT_CA": str(tmp_path / "none")}
    with pytest.raises(FileNotFoundError):
        async with build(settings(tmp_path, **more)):
            pass
