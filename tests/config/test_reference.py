"""The page about all settings says what the code does."""

from __future__ import annotations

from pathlib import Path

from kade.app import sections
from kade.config import documented_keys
from kade.config.reference import markdown

PAGE = Path(__file__).parents[2] / "docs/operate/configuration.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == markdown(sections()), (
        "run: kade config --reference > docs/operate/configuration.md"
    )


def test_every_key_has_a_row_with_its_variable() -> None:
    page = markdown(sections())
    for key in documented_keys(sections()):
        assert f"`KADE_{key.upper().replace('.', '_')}`" in page
