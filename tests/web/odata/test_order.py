"""The language of $orderBy."""

import pytest

from kade.core.errors import KadeError, RequestReason
from kade.core.query import NEWEST_FIRST, Field, Order
from kade.web.odata.parser import parse_order

KEYS = {"Title": Field.NAME, "shelf": Field.NUMBER}


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("", NEWEST_FIRST),
        (" \n", NEWEST_FIRST),
        ("Title", Order(Field.NAME, descending=False)),
        ("title asc", Order(Field.NAME, descending=False)),
        ("Title desc", Order(Field.NAME, descending=True)),
        ("\tSHELF\u00a0 DESC ", Order(Field.NUMBER, descending=True)),
    ],
)
def test_an_order_is_a_key_and_a_direction(text: str, order: Order) -> None:
    assert parse_order(text, KEYS) == order


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("colour", 1, "Title or shelf"),
        ("desc", 1, "Title or shelf"),
        ("'Title'", 1, "Title or shelf"),
        (", Title", 1, "Title or shelf"),
        ("Title down", 7, "asc, desc or the end"),
        ("Title, shelf", 6, "asc, desc or the end"),
        ("Title desc, shelf", 11, "the end"),
        ("Title asc desc", 11, "the end"),
        ("Title eq 'x'", 7, "asc, desc or the end"),
        ("Title '", 7, "a string that ends"),
    ],
)
def test_anything_else_is_refused_where_it_stands(text: str, position: int, expected: str) -> None:
    with pytest.raises(KadeError) as error:
        parse_order(text, KEYS)
    assert error.value.reason is RequestReason.BAD_QUERY
    assert error.value.subject == "$orderBy"
    assert error.value.facts == {"position": position, "expected": expected}
