"""Revocation lists: signed by whom, in force until when, and taken over when they change (GB011)."""

import datetime as dt
import os
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.support.pki import Authority, Identity, self_signed_client

from kade.auth.revocation import RevocationLists
from kade.core.errors import AccessReason, KadeError

ROOT = Authority.create("Root")
BELOW = ROOT.intermediate("Below")
OTHER = Authority.create("Other")
GOOD, BAD, UNDER = ROOT.issue_client("good"), ROOT.issue_client("bad"), BELOW.issue_client("under")
REVOKED, UNKNOWN = AccessReason.REVOKED_BY_AUTHORITY, AccessReason.REVOCATION_UNKNOWN


def lists(place: Path, *authorities: Authority, refuse: bool = True) -> RevocationLists:
    trusted = [each.identity.certificate for each in authorities or (ROOT, BELOW)]
    return RevocationLists(place, trusted, refuse_unknown=refuse)


def judged(known: RevocationLists, identity: Identity) -> AccessReason | None:
    """Why it is refused, if it is."""
    try:
        known.require_good(identity.der)
    except KadeError as error:
        assert isinstance(error.reason, AccessReason)
        return error.reason
    return None


def write(path: Path, data: bytes) -> None:
    """Replace the file as something that fetches lists does; never with the time it had before."""
    path.with_suffix(".new").write_bytes(data)
    path.with_suffix(".new").replace(path)
    moment = path.stat().st_mtime_ns + 1_000_000
    os.utime(path, ns=(moment, moment))


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_what_is_on_the_list_is_refused(tmp_path: Path, encoding: Encoding) -> None:
    place = tmp_path / "root.crl"
    place.write_bytes(ROOT.issue_crl(BAD, encoding=encoding))
    known = lists(place)
    assert known.refresh() == (True, ())
    assert known.refresh() == (False, ())
    assert (judged(known, GOOD), judged(known, BAD)) == (None, REVOKED)
    assert (known.revokes(GOOD.der), known.revokes(BAD.der)) == (False, True)


def test_what_no_known_authority_signed_has_no_list(tmp_path: Path) -> None:
    """It came in because it was registered itself."""
    known = lists(tmp_path)
    known.refresh()
    assert judged(known, self_signed_client("own")) is None
    assert judged(known, OTHER.issue_client("theirs")) is None
    known.require_good(b"no certificate")


@pytest.mark.parametrize("refuse", [True, False])
def test_without_a_list_in_force_the_policy_decides(tmp_path: Path, refuse: bool) -> None:
    known = lists(tmp_path, refuse=refuse)
    expected = UNKNOWN if refuse else None
    known.refresh()
    assert judged(known, GOOD) is expected
    past = ROOT.issue_crl(BAD, days=-1, age=dt.timedelta(days=9))
    write(tmp_path / "root.crl", past)
    assert known.refresh().changed
    assert judged(known, GOOD) is expected
    assert judged(known, BAD) is REVOKED  # the end of the list does not bring it back
    write(tmp_path / "root.crl", ROOT.issue_crl())
    assert known.refresh().changed
    assert (judged(known, GOOD), judged(known, BAD)) == (None, None)


def test_the_authority_above_counts_too(tmp_path: Path) -> None:
    (tmp_path / "both.pem").write_bytes(ROOT.issue_crl() + BELOW.issue_crl())
    known = lists(tmp_path)
    assert known.refresh() == (True, ())
    assert judged(known, UNDER) is None
    write(tmp_path / "both.pem", ROOT.issue_crl(BELOW.identity) + BELOW.issue_crl())
    known.refresh()
    assert (judged(known, UNDER), judged(known, GOOD)) == (REVOKED, None)
    write(tmp_path / "both.pem", BELOW.issue_crl())
    known.refresh()
    assert judged(known, UNDER) is UNKNOWN


FORGED = {
    "signed by another key": ROOT.issue_crl(GOOD, signed_by=OTHER),
    "of an authority that is not ours": OTHER.issue_crl(GOOD),
    "not in force yet": ROOT.issue_crl(GOOD, age=dt.timedelta(hours=-2)),
    "a delta": ROOT.issue_crl(GOOD, extension=x509.DeltaCRLIndicator(1)),
    "indirect": ROOT.issue_crl(
        GOOD, extension=x509.IssuingDistributionPoint(None, None, False, False, None, True, False)
    ),
    "no list": b"nonsense",
    "half a list": ROOT.issue_crl(GOOD)[:200],
    "empty": b"",
}


@pytest.mark.parametrize("data", FORGED.values(), ids=FORGED)
def test_lists_that_do_not_count_are_told_and_change_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "root.crl").write_bytes(ROOT.issue_crl(BAD))
    known = lists(tmp_path, ROOT)
    known.refresh()
    write(tmp_path / "root.crl", data)
    changed, problems = known.refresh()
    assert not changed and len(problems) == 1 and "root.crl" in problems[0]
    assert (judged(known, GOOD), judged(known, BAD)) == (None, REVOKED)
    write(tmp_path / "root.crl", ROOT.issue_crl())
    assert known.refresh() == (True, ())
    assert judged(known, BAD) is None


def test_lists_by_kind_are_told_apart(tmp_path: Path) -> None:
    def of(users: bool) -> x509.IssuingDistributionPoint:
        return x509.IssuingDistributionPoint(None, None, users, not users, None, False, False)

    (tmp_path / "authorities.crl").write_bytes(ROOT.issue_crl(BAD, extension=of(False)))
    known = lists(tmp_path, ROOT)
    assert known.refresh().changed
    assert judged(known, BAD) is UNKNOWN
    (tmp_path / "users.crl").write_bytes(ROOT.issue_crl(BAD, extension=of(True)))
    known.refresh()
    assert (judged(known, BAD), judged(known, GOOD)) == (REVOKED, None)


def test_the_newest_list_wins(tmp_path: Path) -> None:
    (tmp_path / "a.crl").write_bytes(ROOT.issue_crl(BAD, age=dt.timedelta(hours=1)))
    (tmp_path / "b.crl").write_bytes(ROOT.issue_crl(age=dt.timedelta(hours=5)))
    (tmp_path / ".hidden").write_bytes(b"nonsense")
    known = lists(tmp_path)
    assert known.refresh() == (True, ())
    assert judged(known, BAD) is REVOKED


def test_a_place_that_is_not_there_is_told(tmp_path: Path) -> None:
    known = lists(tmp_path / "none")
    changed, problems = known.refresh()
    assert not changed and "none" in problems[0]
    assert judged(known, GOOD) is UNKNOWN
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "root.crl").write_bytes(ROOT.issue_crl())
    assert known.refresh().changed and judged(known, GOOD) is None
