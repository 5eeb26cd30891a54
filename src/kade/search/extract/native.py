"""kreuzberg, whose errors and panics become what is wrong with the file."""

from typing import Any

from kade.core.extraction import RemarkKind
from kade.search.extract.gathering import Unreadable


def extract(data: bytes, media_type: str, **settings: Any) -> Any:
    """What kreuzberg finds, an ``ExtractionResult``; *settings* are those of its ``ExtractionConfig``.

    Raises:
        Unreadable: it is encrypted or damaged.
    """
    from kreuzberg import ExtractionConfig, KreuzbergError, extract_bytes_sync

    config = ExtractionConfig(use_cache=False, enable_quality_processing=False, **settings)
    try:
        return extract_bytes_sync(data, media_type, config)
    except KreuzbergError as error:
        locked = "password" in str(error).lower()
        raise Unreadable(RemarkKind.ENCRYPTED if locked else RemarkKind.DAMAGED) from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # a class that cannot be imported
            raise
        raise Unreadable(RemarkKind.DAMAGED) from None
