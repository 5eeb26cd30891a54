"""The section ``dialects.fileapi`` of the configuration."""

from typing import Annotated

import msgspec
from msgspec import Meta

from kade.config import AtLeast, AtMost, Duration, Size, UrlPath


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The File API: applications publish and subscribe, by tenant and business type."""

    paths: Annotated[
        tuple[UrlPath, ...],
        Meta(min_length=1, description="Paths of the API; old clients know it at `/mft/v1.0` or `/v1.0`."),
    ] = ("/fileapi/v1.0",)
    base_url: Annotated[
        str, Meta(description="Public URL of the web listener, for tokens; empty: the listener's own.")
    ] = ""
    token_path: Annotated[UrlPath, Meta(description="Path that gives access tokens; answers of today.")] = (
        "/connect/token"  # noqa: S105 - a path
    )
    old_token_path: Annotated[
        UrlPath, Meta(description="Path that gives access tokens, too; answers of the first clients.")
    ] = "/authentication/token"  # noqa: S105 - a path
    token_lifetime: Annotated[
        Duration, AtLeast("1m"), AtMost("24h"), Meta(description="How long an access token counts.")
    ] = Duration("1h")
    old_token_lifetime: Annotated[
        Duration, AtLeast("1m"), AtMost("24h"), Meta(description="The same for one of `old_token_path`.")
    ] = Duration("2h")
    multipart_limit: Annotated[
        Size, Meta(description="Largest file in one request; larger ones come in chunks.")
    ] = Size("100MiB")
    chunk_limit: Annotated[Size, Meta(description="Largest chunk of a chunked upload.")] = Size("9MiB")
    upload_expires: Annotated[
        Duration,
        AtLeast("1m"),
        Meta(description="An unfinished chunked upload ends so long after its last chunk."),
    ] = Duration("1h")
    publisher_zone: Annotated[
        bool, Meta(description="Whether dates in a publisher's list end with `Z`; the original's do not.")
    ] = False
    type_names: Annotated[
        bool, Meta(description="Whether `businessType.name` is the name; the original has the number there.")
    ] = False
    calls_per_minute: Annotated[
        int, Meta(ge=0, description="Calls that an application may make in a minute, evenly; 0: any number.")
    ] = 600
    burst: Annotated[
        int, Meta(ge=1, description="Calls that may come at once after a pause, of those in a minute.")
    ] = 100
    calls_per_day: Annotated[
        int, Meta(ge=0, description="Calls that an application may make in a day; 0: any number.")
    ] = 0
    parallel: Annotated[
        int, Meta(ge=0, description="Calls of an application that may run at once; 0: any number.")
    ] = 20
