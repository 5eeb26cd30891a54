"""PDF: text and metadata by kreuzberg, embedded files by ``pdf_files``, pages that are pictures by OCR."""

import tempfile
from datetime import UTC, datetime
from typing import Any

from kade.core.clock import Millis, from_datetime
from kade.core.extraction import RemarkKind
from kade.search.extract import kinds, native, ocr, pdf_files
from kade.search.extract.gathering import Gathering, Part, Unreadable

_DPI = 200
_SPARSE = 8  # a page with fewer characters may be a picture of one


def read(part: Part, gathering: Gathering) -> None:
    """Say the text of its pages and of the files embedded in it."""
    data = whole(part, gathering)
    result = _extracted(data)
    metadata = result.metadata
    gathering.describe(
        title=metadata.get("title") or "",
        author=", ".join(metadata.get("authors") or []),
        modified_at=_moment(metadata.get("modified_at") or metadata.get("created_at") or ""),
    )
    gathering.say(result.content + "\n")
    if gathering.limits.ocr:
        empty = [page["page_number"] for page in result.pages or [] if len(page["content"].strip()) < _SPARSE]
        _say_pictures(data, empty, gathering)
    if pdf_files.hints(data) or result.children:
        for file in pdf_files.embedded(data, gathering.limits.whole):
            gathering.attach(file.name, file.pieces, file.media_type, file.created_at)


def whole(part: Part, gathering: Gathering) -> bytes:
    """All of it, in memory.

    Raises:
        Unreadable: that is too much.
    """
    data = part.stream.read(gathering.limits.whole + 1)
    if len(data) > gathering.limits.whole:
        raise Unreadable(RemarkKind.TOO_LARGE)
    return data


def _extracted(data: bytes) -> Any:
    from kreuzberg import ContentFilterConfig, PageConfig, PdfConfig

    everything = ContentFilterConfig(
        include_headers=True, include_footers=True, strip_repeating_text=False, include_watermarks=True
    )
    return native.extract(
        data,
        kinds.PDF,
        pages=PageConfig(extract_pages=True),
        pdf_options=PdfConfig(extract_metadata=True),
        content_filter=everything,
    )


def _say_pictures(data: bytes, numbers: list[int], gathering: Gathering) -> None:
    from kreuzberg import KreuzbergError, render_pdf_page

    if len(numbers) > gathering.limits.pages:
        gathering.remark(RemarkKind.TOO_MANY, "pages", gathering.limits.pages, len(numbers))
    with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
        file.write(data)
        file.flush()
        for number in numbers[: gathering.limits.pages]:
            try:
                picture = render_pdf_page(file.name, number - 1, dpi=_DPI)
            except KreuzbergError:
                gathering.remark(RemarkKind.DAMAGED, f"page {number}")
                continue
            gathering.say(ocr.text(picture, gathering.limits) + "\n")


def _moment(text: str) -> Millis | None:
    try:
        moment = datetime.fromisoformat(text)
        return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None
