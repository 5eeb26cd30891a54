"""Contents, files, spaces, uploads, principals, clock: the arithmetic of the nouns."""

import json
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.nouns import a_content, a_credential, a_file, a_space, an_upload

from kade.core import clock
from kade.core.clock import Millis
from kade.core.contents import Extent, cut, grown
from kade.core.errors import AccessReason, FileReason, KadeError
from kade.core.files import TimeFrame
from kade.core.ids import Id, new_id
from kade.core.principals import in_force
from kade.core.ranges import Span
from kade.core.spaces import Policy

SEGMENTS = {Id(name): bytes(range(start, start + 40)) for name, start in (("a", 0), ("b", 50), ("c", 100))}

extents_of = st.lists(
    st.builds(
        lambda name, start, length: Extent(Id(name), start, min(length, 40 - start)),
        st.sampled_from("abc"),
        st.integers(0, 39),
        st.integers(0, 40),
    ),
    max_size=8,
)


def read(extents: list[Extent]) -> bytes:
    return b"".join(SEGMENTS[each.segment_id][each.start : each.start + each.length] for each in extents)


@given(extents_of, st.integers(0, 200), st.integers(0, 200))
def test_cutting_is_slicing_the_bytes(extents: list[Extent], start: int, stop: int) -> None:
    parts = list(cut(extents, Span(start, stop)))
    assert read(parts) == read(extents)[start:stop]
    assert all(part.length > 0 for part in parts)


@given(extents_of)
def test_growing_is_appending_the_bytes_in_the_fewest_extents(additions: list[Extent]) -> None:
    extents: list[Extent] = []
    for addition in additions:
        before = list(extents)
        extents = grown(extents, addition)
        assert read(extents) == read(before) + read([addition])
    for one, two in pairwise(extents):
        assert not (one.segment_id == two.segment_id and one.start + one.length == two.start)


def test_a_content_has_a_strong_tag_of_its_own() -> None:
    one, two = a_content(new_id()), a_content(new_id())
    assert one.etag == f'"{one.id}"' and one.etag != two.etag


@pytest.mark.parametrize(
    ("start", "end", "inside", "outside"),
    [(None, None, [-5, 0, 5], []), (3, None, [3, 4], [2]), (None, 3, [2], [3]), (3, 5, [3, 4], [2, 5])],
)
def test_a_time_frame_holds_its_start_and_not_its_end(
    start: int | None, end: int | None, inside: list[int], outside: list[int]
) -> None:
    frame = a_file(a_space(new_id()), valid_from=start, valid_until=end).frame.checked()
    assert all(frame.contains(Millis(moment)) for moment in inside)
    assert not any(frame.contains(Millis(moment)) for moment in outside)


@pytest.mark.parametrize(("start", "end"), [(5, 5), (6, 5)])
def test_a_time_frame_that_ends_before_it_starts_is_none(start: int, end: int) -> None:
    with pytest.raises(KadeError) as refused:
        TimeFrame(Millis(start), Millis(end)).checked()
    assert refused.value.reason is FileReason.BAD_TIME_FRAME


@pytest.mark.parametrize(
    ("length", "offset", "complete"),
    [(None, 0, False), (None, 5, False), (5, 4, False), (5, 5, True), (0, 0, True)],
)
def test_an_upload_is_complete_at_its_length(length: int | None, offset: int, complete: bool) -> None:
    assert an_upload(a_space(new_id()), length=length, offset=offset).complete is complete


@given(
    st.builds(
        Policy,
        st.lists(st.sampled_from(["md5", "sha1", "sha512"])).map(tuple),
        st.integers(0, 2**60),
        st.integers(0, 2**60),
    )
)
def test_a_policy_comes_back_as_it_was_stored(policy: Policy) -> None:
    assert Policy.of(json.loads(json.dumps(policy.stored()))) == policy


def test_a_policy_of_another_version_is_understood() -> None:
    assert Policy.of({}) == Policy()
    assert Policy.of({"trash_ms": 4, "from_the_future": {"x": 1}}) == Policy(trash_ms=4)


def test_a_credential_counts_from_its_start_until_its_end() -> None:
    credential = a_credential(new_id(), not_before=Millis(10), not_after=Millis(20))
    for moment, counts in ((9, False), (10, True), (19, True), (20, False)):
        if counts:
            assert in_force(credential, Millis(moment)) is credential
        else:
            with pytest.raises(KadeError) as refused:
                in_force(credential, Millis(moment))
            assert refused.value.reason is AccessReason.EXPIRED_CREDENTIAL
    assert in_force(a_credential(new_id()), Millis(5)).not_after is None


def test_no_credential_and_a_revoked_one_do_not_count() -> None:
    for credential, reason in (
        (None, AccessReason.UNKNOWN_CREDENTIAL),
        (a_credential(new_id(), revoked_at=Millis(1)), AccessReason.REVOKED_CREDENTIAL),
    ):
        with pytest.raises(KadeError) as refused:
            in_force(credential, Millis(0))
        assert refused.value.reason is reason


@given(st.datetimes(datetime(1970, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_moments_go_to_datetimes_and_back(moment: datetime) -> None:
    millis = clock.from_datetime(moment)
    assert abs((clock.to_datetime(millis) - moment).total_seconds()) <= 0.0006
    assert clock.from_datetime(clock.to_datetime(millis)) == millis


def test_moments_as_text() -> None:
    assert clock.to_iso(Millis(0)) == "1970-01-01T00:00:00.000Z"
    assert clock.to_iso(Millis(1_795_348_800_123)) == "2026-11-22T12:00:00.123Z"
    assert abs(clock.now() - datetime.now(UTC).timestamp() * 1000) < 5000


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.9999+00:00"])
def test_a_moment_that_could_be_told_to_nobody_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="out of range"):
        clock.from_datetime(datetime.fromisoformat(text))
