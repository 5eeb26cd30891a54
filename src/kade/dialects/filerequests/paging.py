"""Lists: fifteen at a time, told as Laravel's simple paginator does (spec 3(b))."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

PER_PAGE = 15
_FARTHEST = 10**9


def page_of(request: Request) -> int:
    """Which page is asked for, from 1; whatever is no page number is the first."""
    text = request.query_params.get("page", "1")
    return min(max(int(text), 1), _FARTHEST) if text.isascii() and text.isdigit() and len(text) < 12 else 1


def skip(page: int) -> int:
    """How many stand on the pages before it."""
    return (page - 1) * PER_PAGE


def listed(path: str, page: int, found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A page of the list at *path*; *found* has one more than fit where there is a next one."""
    data = list(found[:PER_PAGE])
    return {
        "current_page": page,
        "data": data,
        "first_page_url": f"{path}?page=1",
        "from": skip(page) + 1 if data else None,
        "next_page_url": f"{path}?page={page + 1}" if len(found) > PER_PAGE else None,
        "path": path,
        "per_page": PER_PAGE,
        "prev_page_url": f"{path}?page={page - 1}" if page > 1 else None,
        "to": skip(page) + len(data) if data else None,
    }
