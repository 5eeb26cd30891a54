"""The section ``dialects.fileserver`` of the configuration."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from kade.config import UrlPath
from kade.web.grote_berichten import checksums


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The mTLS file server: partners by client certificate, an organisation's applications by REST."""

    path: Annotated[UrlPath, Meta(description="Path of the partners' side.")] = "/files"
    service_path: Annotated[UrlPath, Meta(description="Path of the service API.")] = "/service"
    base_url: Annotated[
        str,
        Meta(description="Public URL of the partners' side, for references; empty: the listener's own."),
    ] = ""
    service_url: Annotated[
        str,
        Meta(description="Public URL of the service API, for WSDLs; empty: as the request names it."),
    ] = ""
    virtual_path_length: Annotated[
        int, Meta(ge=20, le=256, description="Length of the random path that a file gets.")
    ] = 127
    open_service: Annotated[
        bool, Meta(description="Whether the service API answers without a credential, as upstream does.")
    ] = False
    match_oin: Annotated[
        bool,
        Meta(description="Whether a registered OIN counts too, if `client_ca` signed it (GB009)."),
    ] = False
    unknown_certificate_status: Annotated[
        Literal[401, 403],
        Meta(description="Status for a certificate that nobody registered; 403 for Grote Berichten (GB010)."),
    ] = 401
    reference_checksum: Annotated[
        checksums.Kind,
        Meta(description="Checksum in an external-data-reference (MD006)."),
    ] = "MD5"
    push_checksums: Annotated[
        tuple[checksums.Kind, ...],
        Meta(min_length=1, description="Checksums that a partner's message about pushed files may bring."),
    ] = ("MD5", "SHA1", "SHA256", "SHA384", "SHA512")
    zip_ratio: Annotated[
        int, Meta(ge=1, description="Bytes that may come out of a pushed zip for each that went in.")
    ] = 200
    upload_share: Annotated[
        Path | None, Meta(description="Folder from which files are taken by name; empty: none.")
    ] = None
    download_share: Annotated[
        Path | None, Meta(description="Folder to which files are handed over by name; empty: none.")
    ] = None
    cors_origins: Annotated[
        tuple[str, ...], Meta(description="Origins whose pages may upload from a browser; `*`: any.")
    ] = ()
