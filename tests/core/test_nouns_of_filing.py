"""Annotations, folders, and what searches are made of."""

import pytest

from kade.core import annotations, folders
from kade.core.annotations import Annotations
from kade.core.errors import KadeError
from kade.core.search import AllOf, AnyOf, InGroup, Not, OfType, Word, leaves


def test_what_people_say_of_a_file_is_kept_as_they_wrote_it() -> None:
    said = Annotations(("één", "two"), '{"b": 1.0, "a": 1}', "extra\n")
    assert annotations.of(said.stored()) == said
    assert Annotations().stored() == ""


@pytest.mark.parametrize("stored", ["", "receipt of another kind", '{"tags": 7}', "{"])
def test_another_kind_of_note_says_nothing(stored: str) -> None:
    assert annotations.of(stored) == Annotations()


@pytest.mark.parametrize(
    ("path", "clean"), [("a/b", "a/b"), ("/a//b/", "a/b"), ("e\u0301/x", "é/x"), ("", "")]
)
def test_a_path_is_made_clean(path: str, clean: str) -> None:
    assert folders.clean(path) == clean


@pytest.mark.parametrize(
    "path", ["a/../b", "a/.", "a\0", "x" * 256, "/".join("a" * 65), "/".join(["x" * 100] * 50)]
)
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(KadeError):
        folders.clean(path)


def test_above_a_folder_is_its_parent() -> None:
    assert folders.above("a/b/c") == "a/b"
    assert folders.above("a") == ""


def test_leaves_are_told_from_left_to_right() -> None:
    one, two, three = Word("a"), OfType("pdf"), InGroup("g")
    assert list(leaves(AllOf((one, Not(AnyOf((two, AllOf(())))), three)))) == [one, two, three]
