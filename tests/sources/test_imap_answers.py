"""What servers answer, taken apart; and that names of messages are always names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kade.core import names
from kade.core.errors import FileReason
from kade.sources import imap_answers, messages
from kade.sources.imap_answers import Summary


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"INBOX", "INBOX"),
        (b"Entw&APw-rfe", "Entwürfe"),
        (b"&U,BTFw-", "台北"),
        (b"&2D3eAA-", "😀"),
        (b"R&-D", "R&D"),
        (b"&-", "&"),
        (b"a&b", "a&b"),
        (b"&2D0-", "&2D0-"),
        (b"&!-", "&!-"),
        (b"caf\xc3\xa9", "café"),
        (b"caf\xe9", "caf\ufffd"),
    ],
)
def test_names_of_folders(raw: bytes, name: str) -> None:
    assert imap_answers.decoded(raw) == name


def test_a_folder_without_a_delimiter_is_one_name() -> None:
    [folder] = imap_answers.folders([rb'(\HasNoChildren) NIL "a/b"'])
    assert folder.path == ("a/b",)


def test_what_is_broken_in_a_list_spoils_nothing_else() -> None:
    answer = [rb'(\A) "/"', rb'(\B) "/" ""', b")(", rb'(\C) "/" "good"', b"", None]
    assert [folder.path for folder in imap_answers.folders(answer)] == [("good",)]


parts = st.one_of(
    st.none(),
    st.binary(max_size=40),
    st.tuples(st.binary(max_size=30).map(lambda line: line + b"{3}"), st.binary(max_size=10)),
    st.sampled_from([b"1 (UID 5 FLAGS () RFC822.SIZE 3)", b"2 (", b")", b"BODY[", b'"\\', b'() "/" x']),
)


@given(st.lists(parts, max_size=12))
def test_no_answer_is_too_odd(answer: list[imap_answers.Part | None]) -> None:
    list(imap_answers.folders(answer))
    list(imap_answers.summaries(answer))
    list(imap_answers.fetched(answer))


headers = st.one_of(
    st.binary(max_size=60),
    st.lists(st.sampled_from([b"=?utf-8?q?=E2", b"?=", b"=?x?b?", b"4oKs", b"\xe2\x80\xae", b"/", b" "])).map(
        b"".join
    ),
)


@given(headers, headers, headers)
def test_every_message_has_a_name(subject: bytes, date: bytes, received: bytes) -> None:
    summary = Summary(1, 1, False, received, subject, date, b"")
    name = messages.name(summary)
    assert names.clean(name, FileReason.BAD_NAME) == name
    assert len(name.encode()) <= 220
    assert name.endswith(".eml")
    assert messages.identity(summary)
