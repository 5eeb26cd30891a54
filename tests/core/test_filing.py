"""Folders and annotations: what is one, and what is kept of it."""

import pytest

from kade.core import annotations, folders
from kade.core.annotations import Annotations
from kade.core.errors import FileReason, KadeError


@pytest.mark.parametrize(
    ("path", "cleaned"),
    [("", ""), ("/", ""), ("/a//b/", "a/b"), ("e\u0301", "\u00e9"), ("/".join("x" * 64), "/".join("x" * 64))],
)
def test_a_folders_path_has_one_form(path: str, cleaned: str) -> None:
    assert folders.clean(path) == cleaned


@pytest.mark.parametrize("path", ["/".join("x" * 65), "/".join(["x" * 250] * 17), "a/../b", "a/\0"])
def test_what_is_no_folder_is_refused(path: str) -> None:
    with pytest.raises(KadeError) as refused:
        folders.clean(path)
    assert refused.value.reason is FileReason.BAD_NAME


def test_a_folder_is_in_another() -> None:
    assert [folders.above(path) for path in ("a/b/c", "a", "")] == ["a/b", "", ""]


@pytest.mark.parametrize(
    "said", [Annotations(), Annotations(("a", "ü")), Annotations(meta='{"x":1}', extra="y")]
)
def test_what_is_said_of_a_file_is_kept_as_it_is(said: Annotations) -> None:
    assert annotations.of(said.stored()) == said


@pytest.mark.parametrize("stored", ["", "note", "{", '{"tags": 7}', "[]"])
def test_another_kind_of_note_says_nothing(stored: str) -> None:
    assert annotations.of(stored) == Annotations()
