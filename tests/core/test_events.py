"""Events and their chain."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kade.core.clock import Millis
from kade.core.events import Event, Outcome, next_chain, payload_digest, sealed
from kade.core.ids import new_id
from kade.core.principals import Caller, Origin

EVENT = Event(
    "file.created",
    "s",
    Outcome.DONE,
    "r",
    new_id(),
    new_id(),
    new_id(),
    Origin("op", "id", "::1"),
    {"name": "x", "length": 5},
)
CHANGES = [
    {"kind": "file.purged"},
    {"subject": "t"},
    {"outcome": Outcome.REFUSED},
    {"reason": ""},
    {"tenant_id": new_id()},
    {"principal_id": None},
    {"credential_id": new_id()},
    {"origin": Origin("op2", "id", "::1")},
    {"origin": Origin("op", "id2", "::1")},
    {"origin": Origin("op", "id", "::2")},
    {"detail": {"name": "x", "length": 6}},
    {"detail": {"name": "x", "length": "5"}},
    {"subject": "sr", "reason": ""},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: "+".join(change))
def test_any_change_of_an_event_shows_in_the_chain(change: dict[str, object]) -> None:
    true, false = sealed(EVENT, 1, Millis(5), "x"), sealed(replace(EVENT, **change), 1, Millis(5), "x")  # type: ignore[arg-type]
    assert true.digest != false.digest and true.chain != false.chain


@pytest.mark.parametrize(
    ("position", "at", "previous"), [(2, 5, "x"), (1, 6, "x"), (1, 5, "y"), (15, 5, "x")]
)
def test_any_change_of_the_place_shows_in_the_chain(position: int, at: int, previous: str) -> None:
    assert sealed(EVENT, 1, Millis(5), "x").chain != sealed(EVENT, position, Millis(at), previous).chain


def test_an_entry_left_out_or_swapped_shows_in_all_that_follow() -> None:
    def chain(subjects: list[str]) -> list[str]:
        chains = [""]
        for position, subject in enumerate(subjects, 1):
            chains.append(sealed(Event("k", subject), position, Millis(0), chains[-1]).chain)
        return chains[1:]

    whole = chain(["a", "b", "c", "d"])
    assert len(set(whole)) == 4
    assert chain(["a", "c", "d"])[1:] != whole[1:3]
    assert set(chain(["b", "a", "c", "d"])).isdisjoint(whole)


def test_a_payload_can_be_erased_without_breaking_the_chain() -> None:
    entry = sealed(EVENT, 3, Millis(5), "x")
    erased = entry._replace(detail=None)
    assert erased.chain == next_chain("x", erased.position, erased.at, erased.digest)
    assert entry.detail is not None and entry.digest == payload_digest(EVENT, entry.detail)


def test_an_event_carries_its_caller() -> None:
    caller = Caller(new_id(), "x", new_id(), new_id(), Origin("op"))
    event = Event.by(caller, "noun.done", "subject", count=1)
    assert (event.tenant_id, event.principal_id, event.credential_id, event.origin) == (
        caller.tenant_id,
        caller.principal_id,
        caller.credential_id,
        caller.origin,
    )
    assert (event.subject, event.detail, event.outcome) == ("subject", {"count": 1}, Outcome.DONE)


@given(st.text(), st.text(), st.text())
def test_what_is_kept_can_be_kept(subject: str, request_id: str, name: str) -> None:
    event = Event("k", subject, origin=Origin("", request_id), detail={"name": name, "n": 1}).legible()
    for kept in (event.subject, event.origin.request_id, str(event.detail["name"])):
        assert "\0" not in kept and kept.encode().decode() == kept
    assert event.legible() == event


def test_what_is_fit_stays_as_it_is() -> None:
    assert EVENT.legible() is EVENT
    assert Event("k", "a\nb \u00e9 \u202e").legible().subject == "a\nb \u00e9 \u202e"
    assert Event("k", "a\0\ud800").legible().subject == "a\\x00\\ud800"
