"""$filter and $orderBy of the File API: every example of its documents, and what real clients send."""

import pytest

from kade.core.deliveries import DeliveryState
from kade.core.errors import KadeError, RequestReason
from kade.core.ids import Id
from kade.core.query import (
    NEWEST_FIRST,
    AllOf,
    AnyOf,
    Compare,
    Field,
    Holds,
    Not,
    OneOf,
    Operator,
    Order,
    Part,
    Term,
)
from kade.dialects.fileapi.filters import PUBLISHER_KEYS, SUBSCRIBER_KEYS, for_publisher, for_subscriber
from kade.web.odata.parser import parse_order

SPACES = {7100: Id("a"), 7101: Id("b"), 101002: Id("c")}
MORNING, AFTERNOON = 1589877767400, 1589906567400  # 2020-05-19T08:42:47.400Z and 16:42:47.400Z


def states(*found: DeliveryState) -> OneOf:
    return OneOf(Field.STATE, found)


AVAILABLE = states(DeliveryState.AVAILABLE)
DOWNLOADED = states(DeliveryState.FETCHED)
DELETED = states(DeliveryState.DISMISSED)
ALL = states(DeliveryState.AVAILABLE, DeliveryState.FETCHED, DeliveryState.LAPSED)
NONE = states()


def of(*types: int) -> OneOf:
    return OneOf(Field.SPACE, tuple(SPACES[each] for each in types))


def uploaded(operator: Operator, moment: int) -> Compare:
    return Compare(Field.ARRIVED, operator, moment)


def named(part: Part, text: str) -> Holds:
    return Holds(Field.NAME, part, text)


AFTER_MORNING = uploaded(Operator.GT, MORNING)

# The documents' own examples; the text is theirs, letter by letter.
EXAMPLES: list[tuple[str, Term]] = [
    ("uploadDate gt 2020-05-19T08:42:47.400Z", AllOf((AFTER_MORNING, AVAILABLE))),
    (
        "uploadDate gt 2020-05-19T08:42:47.400Z and uploadDate lt 2020-05-19T16:42:47.400Z",
        AllOf((AllOf((AFTER_MORNING, uploaded(Operator.LT, AFTERNOON))), AVAILABLE)),
    ),
    ("status eq 'all'", AllOf((ALL, ALL))),
    ("status eq 'downloaded'", AllOf((DOWNLOADED, ALL))),
    ("status eq 'available'", AllOf((AVAILABLE, ALL))),
    ("businessType eq 7101", AllOf((of(7101), AVAILABLE))),
    (
        "businessType eq 7100 or businessType eq 7101",
        AllOf((AnyOf((of(7100), of(7101))), AVAILABLE)),
    ),
    (
        "status eq 'downloaded' and (businessType eq 7100 or businessType eq 7101)",
        AllOf((AllOf((DOWNLOADED, AnyOf((of(7100), of(7101))))), ALL)),
    ),
    (
        "uploadDate gt 2020-05-19T08:42:47.400Z and businessType eq 7101 and status eq 'all'",
        AllOf((AllOf((AFTER_MORNING, of(7101), ALL)), ALL)),
    ),
    ("startsWith(FileName, 'payroll')", AllOf((named(Part.START, "payroll"), AVAILABLE))),
    ("endsWith(FileName, 'holidays')", AllOf((named(Part.END, "holidays"), AVAILABLE))),
    ("contains(fileName, 'test')", AllOf((named(Part.ANYWHERE, "test"), AVAILABLE))),
    (
        "startsWith(FileName, 'payroll') and businessType eq 7101",
        AllOf((AllOf((named(Part.START, "payroll"), of(7101))), AVAILABLE)),
    ),
    ("businessType eq 8000", AllOf((of(), AVAILABLE))),
    ("businessType eq 101002", AllOf((of(101002), AVAILABLE))),
]

# What clients were seen to send, and the fields that came later.
SEEN: list[tuple[str, Term]] = [
    ("", AVAILABLE),
    ("Status eq 'All'", AllOf((ALL, ALL))),
    ("startsWith(FileName,'x') eq false", AllOf((Not(named(Part.START, "x")), AVAILABLE))),
    (
        "UploadDate ge 2020-05-19T08:42:47Z",
        AllOf((uploaded(Operator.GE, 1589877767000), AVAILABLE)),
    ),
    (
        "lastDownloadDate lt 2020-05-19T08:42:47.400Z and status eq 'downloaded'",
        AllOf((AllOf((Compare(Field.FETCHED, Operator.LT, MORNING), DOWNLOADED)), ALL)),
    ),
    (
        "deleteDate gt 2020-05-19T08:42:47.400Z and status eq 'deleted'",
        AllOf((Compare(Field.DISMISSED, Operator.GT, MORNING), DELETED)),
    ),
]

# A status term anywhere takes the place of the default; what was deleted is shown only when it is named.
STATUSES: list[tuple[str, Term]] = [
    ("status ne 'available'", AllOf((DOWNLOADED, ALL))),
    ("status ne 'downloaded'", AllOf((AVAILABLE, ALL))),
    ("status ne 'all'", AllOf((NONE, ALL))),
    ("status eq 'deleted'", DELETED),
    ("status ne 'deleted'", Not(DELETED)),
    ("not status eq 'available'", AllOf((Not(AVAILABLE), ALL))),
    ("status eq 'all' or status eq 'Deleted'", AnyOf((ALL, DELETED))),
    ("businessType eq 7100 or status eq 'all'", AllOf((AnyOf((of(7100), ALL)), ALL))),
    ("not (businessType eq 7100 or status eq 'deleted')", Not(AnyOf((of(7100), DELETED)))),
    ("fileName eq 'deleted'", AllOf((Compare(Field.NAME, Operator.EQ, "deleted"), AVAILABLE))),
]


@pytest.mark.parametrize(("text", "term"), EXAMPLES + SEEN + STATUSES)
def test_a_subscriber_asks(text: str, term: Term) -> None:
    assert for_subscriber(text).where(SPACES) == term


@pytest.mark.parametrize(
    ("operator", "types"),
    [
        ("eq", (7101,)),
        ("ne", (7100, 101002)),
        ("gt", (101002,)),
        ("ge", (7101, 101002)),
        ("lt", (7100,)),
        ("le", (7100, 7101)),
    ],
)
def test_business_types_become_spaces_that_the_caller_sees(operator: str, types: tuple[int, ...]) -> None:
    asked = for_publisher(f"not (businessType {operator} 7101)")
    assert asked.where(SPACES) == Not(of(*types))
    assert asked.where({}) == Not(of())


@pytest.mark.parametrize(
    ("text", "types"),
    [
        ("", set()),
        ("businessType eq 7101", {7101}),
        ("businessType ne 8000 and businessType eq 7101", {7101, 8000}),
        ("not (fileName eq 'x' or not businessType eq 8000)", {8000}),
        ("businessType gt 8000 or businessType le 9000", set()),
        ("fileName eq '7101'", set()),
    ],
)
def test_a_filter_tells_the_types_that_it_names(text: str, types: set[int]) -> None:
    assert for_publisher(text).named_types == for_subscriber(text).named_types == types


@pytest.mark.parametrize(
    ("text", "deleted"),
    [
        ("", False),
        ("status eq 'all'", False),
        ("fileName eq 'deleted'", False),
        ("status eq 'Deleted'", True),
        ("businessType eq 7101 or not status ne 'deleted'", True),
        ("deleteDate gt 2020-01-01", True),
    ],
)
def test_a_filter_tells_whether_deleted_files_are_asked_for(text: str, deleted: bool) -> None:
    assert for_subscriber(text).shows_deleted == deleted


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("", AllOf(())),
        ("uploadDate gt 2020-05-19T08:42:47.400Z", AFTER_MORNING),
        ("endsWith(fileName, '.XML')", named(Part.END, ".xml")),
    ],
)
def test_a_publisher_has_no_statuses(text: str, term: Term) -> None:
    assert for_publisher(text).where(SPACES) == term


@pytest.mark.parametrize(
    "field", ["status eq 'all'", "deleteDate gt 2020-01-01", "lastDownloadDate gt 2020-01-01"]
)
def test_a_publisher_cannot_ask_what_became_of_a_file(field: str) -> None:
    assert for_subscriber(field)
    with pytest.raises(KadeError) as error:
        for_publisher(field)
    assert error.value.reason is RequestReason.BAD_QUERY
    assert str(error.value.facts["expected"]).startswith("uploadDate, businessType, fileName, ")


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("status gt 'available'", 8, "eq or ne"),
        ("status eq 'gone'", 11, "'available', 'downloaded', 'all' or 'deleted'"),
        ("status eq available", 11, "'available', 'downloaded', 'all' or 'deleted'"),
        ("startsWith(businessType, '71')", 12, "fileName"),
        ("contains(status, 'all')", 10, "fileName"),
        ("businessType eq 'payroll'", 17, "an integer"),
        ("uploadDate gt yesterday", 15, "a date"),
    ],
)
def test_a_wrong_filter_is_refused_where_it_is_wrong(text: str, position: int, expected: str) -> None:
    with pytest.raises(KadeError) as error:
        for_subscriber(text)
    assert error.value.facts == {"position": position, "expected": expected}


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("", NEWEST_FIRST),
        ("uploadDate desc", NEWEST_FIRST),
        ("uploadDate asc", Order(Field.ARRIVED, descending=False)),
        ("businessType", Order(Field.NUMBER, descending=False)),
        ("FileName DESC", Order(Field.NAME, descending=True)),
    ],
)
def test_both_lists_can_be_sorted(text: str, order: Order) -> None:
    assert parse_order(text, SUBSCRIBER_KEYS) == parse_order(text, PUBLISHER_KEYS) == order


def test_only_a_subscriber_sorts_by_status_and_nobody_by_other_dates() -> None:
    assert parse_order("status desc", SUBSCRIBER_KEYS) == Order(Field.STATE, descending=True)
    for text, keys in (("status", PUBLISHER_KEYS), ("deleteDate", SUBSCRIBER_KEYS)):
        with pytest.raises(KadeError):
            parse_order(text, keys)
