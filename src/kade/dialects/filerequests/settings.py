"""The section ``dialects.filerequests`` of the configuration."""

from ipaddress import ip_network
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from kade.config import AtLeast, Duration, Size, UrlPath


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """File requests: applications ask a customer, or whoever has a link, for files."""

    path: Annotated[UrlPath, Meta(description="Path of the API.")] = "/v1"
    link_path: Annotated[UrlPath, Meta(description="Path of the links that a download answers with.")] = (
        "/download-links"
    )
    request_path: Annotated[
        UrlPath, Meta(description="Path of the public pages; where the portal serves them.")
    ] = "/r"
    share_path: Annotated[
        UrlPath, Meta(description="Path of the pages of what is shared; where the portal serves them.")
    ] = "/s"
    zone: Annotated[
        str, Meta(description="Zone whose offset dates are told with (IANA), such as `Europe/Amsterdam`.")
    ] = "Europe/Amsterdam"
    calls_per_minute: Annotated[
        int, Meta(ge=1, description="Calls that a key may make in a minute; told in every answer.")
    ] = 60
    link_lifetime: Annotated[
        Duration, AtLeast("10s"), Meta(description="How long a link to download by counts.")
    ] = Duration("5m")
    largest_file: Annotated[
        Size,
        Meta(description="Largest `maxFileSize` that may be asked for; 0: that of uploads."),
    ] = Size("0")
    webhook_networks: Annotated[
        tuple[str, ...],
        Meta(description="Networks that webhooks may be in, such as `10.0.0.0/8`, besides the public one."),
    ] = ()
    created_status: Annotated[
        int, Meta(ge=200, le=201, description="Status of what was created; the original's is not published.")
    ] = 201

    def __post_init__(self) -> None:
        for network in self.webhook_networks:
            try:
                ip_network(network)
            except ValueError:
                raise ValueError(f"webhook_networks: {network!r} is no network") from None
        try:
            ZoneInfo(self.zone)
        except (OSError, ValueError) as error:
            raise ValueError(f"there is no zone {self.zone!r}") from error
