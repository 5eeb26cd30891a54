"""The section ``dialects.fileclient`` of the configuration."""

from fnmatch import fnmatchcase
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from kade.config import Allowed, AtLeast, Duration, Secret, Size, UrlPath
from kade.web.grote_berichten import checksums


class Destination(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How somebody else's file server is reached, by the host in the URL; the first that matches counts."""

    hosts: Annotated[
        tuple[str, ...],
        Meta(min_length=1, description="Host names, or patterns such as `*.example.org`; `*`: every host."),
    ]
    certificate: Annotated[
        Path | None,
        Meta(description="Certificate that is shown there, PEM, or PKCS#12 (.p12, .pfx) with its key."),
    ] = None
    key: Annotated[Path | None, Meta(description="Private key of the certificate, PEM.")] = None
    password: Annotated[
        str, Secret.WHOLE, Meta(description="Password of the key or of the PKCS#12 file.")
    ] = ""
    authorities: Annotated[
        Path | None, Meta(description="Authorities that are trusted there, PEM; empty: the system's.")
    ] = None
    proxy: Annotated[
        str,
        Secret.URL,
        Meta(description="HTTP proxy, such as `http://name:password@proxy:3128`; empty: none."),
    ] = ""
    connect_timeout: Annotated[
        Duration, AtLeast("100ms"), Meta(description="Time in which a connection must stand.")
    ] = Duration("15s")
    stall_timeout: Annotated[
        Duration, AtLeast("100ms"), Meta(description="How long a transfer may stand still.")
    ] = Duration("60s")
    rate: Annotated[Size, Meta(description="Bytes per second for all transfers together; 0: no limit.")] = (
        Size(0)
    )
    part_size: Annotated[
        Size, Meta(description="Bytes of one PATCH of an upload; 0: the whole file in one.")
    ] = Size(0)

    def __post_init__(self) -> None:
        if self.proxy:
            from kade.client.proxy import Proxy  # brings an HTTP client

            Proxy.parse(self.proxy)

    def covers(self, host: str) -> bool:
        """Whether it is how *host*, in lower case and without a dot at its end, is reached."""
        return any(fnmatchcase(host, pattern.lower()) for pattern in self.hosts)


ANY = Destination(hosts=("*",))


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The File Client: fetches from and sends to somebody else's file server, for the own applications."""

    service_path: Annotated[UrlPath, Meta(description="Path of the service API.")] = "/service"
    service_url: Annotated[
        str,
        Meta(description="Public URL of the service API, for WSDLs; empty: as the request names it."),
    ] = ""
    open_service: Annotated[
        bool, Meta(description="Whether the service API answers without a credential, as upstream does.")
    ] = False
    max_attempts: Annotated[
        int, Meta(ge=0, description="Attempts at one task before it has failed; 0: no limit.")
    ] = 10
    first_pause: Annotated[
        Duration, Meta(description="Pause after the first failed attempt; it doubles with each further one.")
    ] = Duration("30s")
    longest_pause: Annotated[Duration, Meta(description="The longest of these pauses.")] = Duration("30m")
    quick_attempts: Annotated[
        int, Meta(ge=1, description="Tries in a row without progress that make one attempt, seconds apart.")
    ] = 4
    hosts: Annotated[
        tuple[str, ...],
        Meta(description="Hosts that tasks may reach, or patterns such as `*.example.org`; empty: any."),
    ] = ()
    networks: Annotated[
        tuple[str, ...],
        Meta(description="Networks that tasks may reach besides the public internet, such as `10.0.0.0/8`."),
    ] = ()
    plain_http: Annotated[bool, Meta(description="Whether tasks may use `http:`; else `https:` alone.")] = (
        False
    )
    destinations: Annotated[
        tuple[Destination, ...],
        Meta(description="How servers are reached, a table for each; what none names is reached plainly."),
        Allowed("a list of tables `[[dialects.fileclient.destinations]]`"),
    ] = ()
    reference_checksum: Annotated[
        checksums.Kind,
        Meta(description="Checksum in an external-data-reference (MD006)."),
    ] = "SHA256"
    upload_share: Annotated[
        Path | None, Meta(description="Folder from which files are taken by name; empty: none.")
    ] = None
    download_share: Annotated[
        Path | None, Meta(description="Folder to which files are handed over by name; empty: none.")
    ] = None

    def __post_init__(self) -> None:
        for network in self.networks:
            try:
                ip_network(network, strict=False)
            except ValueError:
                raise ValueError(f"networks: {network!r} is no network") from None
