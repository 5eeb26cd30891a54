"""Ids and tokens."""

import re
import time
import uuid
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kade.core.ids import Id, dashed, new_id, new_token, undashed

ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def test_an_id_is_a_uuid_of_version_7() -> None:
    for _ in range(1000):
        made = new_id()
        assert re.fullmatch(r"[0-9a-f]{32}", made)
        parsed = uuid.UUID(made)
        assert parsed.variant == uuid.RFC_4122 and parsed.version == 7


def test_ids_carry_the_moment_of_their_birth() -> None:
    before = time.time_ns() // 1_000_000
    made = new_id()
    assert before <= int(made[:12], 16) <= time.time_ns() // 1_000_000


def test_ids_sort_by_the_millisecond_of_their_birth() -> None:
    made = []
    for _ in range(5):
        made.append(new_id())
        time.sleep(0.002)
    assert made == sorted(made)


def test_ids_do_not_repeat_and_every_random_bit_varies() -> None:
    made = [new_id() for _ in range(2000)]
    assert len(set(made)) == len(made)
    fixed_time = (1 << 80) - 1
    ones = [sum(int(each, 16) >> bit & 1 for each in made) for bit in range(80)]
    constant = {bit for bit, count in enumerate(ones) if count in (0, len(made))}
    assert constant == {62, 63, 76, 77, 78, 79}, fixed_time  # variant and version


@given(st.integers(0, 300))
def test_a_token_has_the_length_and_the_alphabet(length: int) -> None:
    token = new_token(length)
    assert len(token) == length and set(token) <= set(ALPHANUMERIC)


def test_every_character_is_equally_likely() -> None:
    drawn = Counter(new_token(62_000))
    assert set(drawn) == set(ALPHANUMERIC)
    # Chi-square with 61 degrees of freedom: beyond 160 by chance once in 10^10 runs.
    assert sum((count - 1000) ** 2 / 1000 for count in drawn.values()) < 160


@pytest.mark.parametrize("length", [1, 40])
def test_tokens_do_not_repeat(length: int) -> None:
    assert len({new_token(length) for _ in range(500)}) > 30


@given(st.uuids())
def test_an_id_is_written_as_a_uuid_and_read_again(value: uuid.UUID) -> None:
    given_id = Id(value.hex)
    assert dashed(given_id) == str(value)
    assert undashed(str(value)) == undashed(str(value).upper()) == given_id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0" * 32,
        "0" * 36,
        "-" * 36,
        "00000000-0000-0000-0000-00000000000g",
        "00000000-0000-0000-0000-00000000000٠",
        "{00000000-0000-0000-0000-000000000000}",
        "00000000-0000-0000-0000-000000000000\n",
        "00000000-00000-000-0000-000000000000",
    ],
)
def test_what_is_not_written_as_a_uuid_is_no_id(text: str) -> None:
    assert undashed(text) is None
