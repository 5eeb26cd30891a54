"""The section ``portal`` of the configuration."""

from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from kade.config import UrlPath


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Pages for people: where somebody sends what was asked for."""

    request_path: Annotated[
        UrlPath, Meta(description="Path before the token in the link of a request for files.")
    ] = "/r"
    share_path: Annotated[
        UrlPath, Meta(description="Path before the token in the link of files that are shared.")
    ] = "/s"
    assets_path: Annotated[UrlPath, Meta(description="Path of the pages' style and scripts.")] = "/assets"
    zone: Annotated[str, Meta(description="Time zone of the moments on pages.")] = "Europe/Amsterdam"

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (OSError, ValueError) as error:
            raise ValueError(f"there is no zone {self.zone!r}") from error
