"""The section ``dialects.filer`` of the configuration."""

from typing import Annotated

import msgspec
from msgspec import Meta

from kade.config import AtLeast, Duration, Size


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Filer: applications add, find, read and manage files in file groups."""

    prefix: Annotated[
        str,
        Meta(
            pattern=r"^(/[A-Za-z0-9._~-]+)*$",
            description="Path before `/Search/`, `/File/…`, `/Directory/…`, `/Handshake/…`; empty: none.",
        ),
    ] = ""
    error_statuses: Annotated[
        bool,
        Meta(description="Whether errors have a status of 400 or more; as the original's, they have 200."),
    ] = False
    handshakes: Annotated[
        int, Meta(ge=1, description="Handshakes that a customer, or an address, may ask for in a window.")
    ] = 10
    handshake_window: Annotated[Duration, AtLeast("1s"), Meta(description="The length of that window.")] = (
        Duration("10m")
    )
    download_limit: Annotated[
        Size, AtLeast("1KiB"), Meta(description="Largest file that is sent in JSON; larger ones answer 147.")
    ] = Size("256MiB")
    word_limit: Annotated[
        int, Meta(ge=1, description="Words that a prefix such as `inv*` may stand for; else error 153.")
    ] = 1000
    query_limit: Annotated[
        int, Meta(ge=1, description="The same for all prefixes of a query together; else error 154.")
    ] = 4000
    hit_limit: Annotated[
        int, Meta(ge=0, description="Most results that a search may have, else error 152; 0: any number.")
    ] = 0
