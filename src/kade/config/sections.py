"""The sections that every Kade has, with each key's default and its one-line documentation."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from kade.config.values import Allowed, AtLeast, Duration, Secret, Size

Port = Annotated[int, Meta(ge=0, le=65535)]
Positive = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[int, Meta(ge=0)]


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """Where Kade keeps what it is given."""

    folder: Annotated[Path, Meta(description="Folder of the catalog, the segments and the keys.")] = Path()
    master_key: Annotated[
        Path | None,
        Meta(
            description="The key by which secrets in the catalog are sealed, made when it is first needed;"
            " empty: `master.key` in the data folder."
        ),
    ] = None

    @property
    def sealing_key(self) -> Path:
        """Where the master key is, or will be."""
        return self.master_key or self.folder / "master.key"


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """The database of everything but the bytes."""

    url: Annotated[
        str,
        Meta(
            pattern=r"^(|postgresql://.+)$",
            description="PostgreSQL database; empty: SQLite in `catalog.sqlite` in the data folder.",
        ),
        Secret.URL,
        Allowed("empty (SQLite) or of the form postgresql://user:password@host/database"),
    ] = ""
    readers: Annotated[Positive, Meta(description="Connections that read beside the one that writes.")] = 4


class Storage(msgspec.Struct, frozen=True, kw_only=True):
    """The segments: how bytes reach the disk and leave it."""

    buffer_pool: Annotated[
        Size, AtLeast("1MiB"), Meta(description="Memory that all bodies being received share.")
    ] = Size("48MiB")
    inline_limit: Annotated[
        Size, Meta(description="Contents up to this size are kept in the catalog, not in a segment.")
    ] = Size("16KiB")
    flush_bytes: Annotated[
        Size,
        AtLeast("64KiB"),
        Meta(description="An upload is synced to disk after so many bytes at the latest."),
    ] = Size("64MiB")
    flush_interval: Annotated[
        Duration,
        AtLeast("10ms"),
        Meta(description="An upload is synced to disk after this time at the latest."),
    ] = Duration("1s")
    grace: Annotated[Duration, Meta(description="How long bytes stay that nothing refers to any more.")] = (
        Duration("1h")
    )
    sweep_interval: Annotated[
        Duration,
        AtLeast("100ms"),
        Meta(description="Time between two searches for such bytes and for expired uploads."),
    ] = Duration("1m")


class Uploads(msgspec.Struct, frozen=True, kw_only=True):
    """What may be uploaded, and for how long it may stay unfinished."""

    max_size: Annotated[Size, Meta(description="Largest file; 0: no limit.")] = Size(0)
    expire_after: Annotated[
        Duration,
        AtLeast("1s"),
        Meta(description="An unfinished upload goes away after this time without a byte."),
    ] = Duration("24h")
    lock_timeout: Annotated[
        Duration,
        AtLeast("100ms"),
        Meta(description="How long a request waits for another one to let go of its upload."),
    ] = Duration("8s")
    metadata_limit: Annotated[Size, Meta(description="Largest `Upload-Metadata` header.")] = Size("8KiB")
    quota: Annotated[Size, Meta(description="Bytes that a new space may hold; 0: no limit.")] = Size(0)


class Listener(msgspec.Struct, frozen=True, kw_only=True):
    """One address that Kade listens on."""

    host: Annotated[str, Meta(min_length=1, description="Address or host name to listen on.")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="Port; 0: a free one.")] = 8080
    public_url: Annotated[
        str, Meta(description="URL by which others reach it, for links; empty: its own address.")
    ] = ""
    tls: Annotated[bool, Meta(description="Whether TLS is spoken here.")] = False
    certificate: Annotated[
        Path | None, Meta(description="Server certificate, PEM, followed by its intermediates.")
    ] = None
    key: Annotated[Path | None, Meta(description="Private key of the certificate, PEM.")] = None
    client_ca: Annotated[
        Path | None,
        Meta(description="Authorities of client certificates, PEM; empty: registered certificates alone."),
    ] = None
    client_crls: Annotated[
        Path | None,
        Meta(
            description="Revocation lists of these authorities, PEM or DER: a file, or a folder of files"
            " (GB011); empty: none are used."
        ),
    ] = None
    client_crl_policy: Annotated[
        Literal["refuse", "warn"],
        Meta(description="What happens to a certificate of whose authority there is no list in force."),
    ] = "refuse"
    client_crl_refresh: Annotated[
        Duration,
        AtLeast("100ms"),
        Meta(description="Time between two looks at whether the lists changed."),
    ] = Duration("30s")
    client_certificates: Annotated[
        Literal["none", "optional", "required"],
        Meta(description="Whether a client is asked for a certificate, and refused without one."),
    ] = "none"
    client_certificate_header: Annotated[
        str,
        Meta(description="Header in which a trusted proxy passes the client certificate on; empty: none."),
    ] = ""
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(description="Addresses or networks of proxies whose headers about the client count."),
    ] = ()

    def __post_init__(self) -> None:
        if self.tls and (self.certificate is None or self.key is None):
            raise ValueError("tls needs both certificate and key")
        if self.client_certificates == "required" and not (self.tls or self.client_certificate_header):
            raise ValueError('client_certificates = "required" needs tls or client_certificate_header')
        if self.client_crls is not None and self.client_ca is None:
            raise ValueError("client_crls needs client_ca: it says whose lists count")
        if self.client_certificate_header and not self.trusted_proxies:
            raise ValueError("client_certificate_header needs trusted_proxies, or anybody could send it")
        for proxy in self.trusted_proxies:
            try:
                ipaddress.ip_network(proxy, strict=False)
            except ValueError:
                raise ValueError(f"trusted_proxies: {proxy!r} is no address or network") from None


WEB = Listener()
EXCHANGE = Listener(
    port=8443,
    tls=True,
    certificate=Path("pki/server.crt"),
    key=Path("pki/server.key"),
    client_ca=Path("pki/ca.crt"),
    client_certificates="required",
)


CLIENT = Listener(port=8000)


class Serve(msgspec.Struct, frozen=True, kw_only=True):
    """What `kade serve` opens; `kade client serve` opens the listener `client` alone."""

    listeners: Annotated[
        tuple[Literal["web", "exchange", "client"], ...],
        Meta(min_length=1, description="Names of listeners: `web`, `exchange`, `client`."),
    ] = ("web", "exchange")


class Tasks(msgspec.Struct, frozen=True, kw_only=True):
    """Durable work in the background, such as transfers of the File Client."""

    at_once: Annotated[int, Meta(ge=1, le=256, description="How many tasks run at once.")] = 8
    per_lane: Annotated[
        int, Meta(ge=1, le=256, description="How many of them share a lane, such as the same server.")
    ] = 4


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What is read in files, and how it is found."""

    engine: Annotated[
        Literal["auto", "tantivy", "postgresql"],
        Meta(
            description="Where the index is: a folder `index` in the data folder, or the PostgreSQL catalog;"
            " `auto`: with the catalog."
        ),
    ] = "auto"
    characters: Annotated[
        int, Meta(ge=1000, le=100_000_000, description="Characters of a file's text that are kept and found.")
    ] = 1_000_000
    largest_file: Annotated[
        Size, Meta(description="Largest file that is read; of larger ones the name is found. 0: any.")
    ] = Size("1GiB")
    memory: Annotated[Size, AtLeast("256MiB"), Meta(description="Memory that reading one file may take.")] = (
        Size("1GiB")
    )
    time: Annotated[Duration, AtLeast("1s"), Meta(description="How long reading one file may take.")] = (
        Duration("120s")
    )
    ocr: Annotated[
        bool, Meta(description="Whether text in pictures and scanned pages is read, by `tesseract`.")
    ] = False
    ocr_languages: Annotated[
        tuple[str, ...], Meta(min_length=1, description="In which languages, as tesseract calls them.")
    ] = ("nld", "eng")


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """Where what is synchronised may come from."""

    hosts: Annotated[
        tuple[str, ...],
        Meta(description="Hosts of websites that may be read; `*.example.org` for all below; empty: any."),
    ] = ()
    networks: Annotated[
        tuple[str, ...],
        Meta(description="Private networks (CIDR) in which websites may stand; else only public addresses."),
    ] = ()

    def __post_init__(self) -> None:
        for network in self.networks:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                raise ValueError(f"networks: {network!r} is no network") from None


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """The worker, which synchronises, reads and indexes."""

    beside_serve: Annotated[
        bool, Meta(description="Whether `kade serve` runs one beside it, once there is something for it.")
    ] = True


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """Mail to people: invitations, reminders, notices."""

    host: Annotated[str, Meta(description="SMTP server; empty: no mail is sent.")] = ""
    port: Annotated[Port, Meta(description="Its port: 587 with `starttls`, 465 with `tls`.")] = 587
    security: Annotated[
        Literal["starttls", "tls", "none"], Meta(description="How the line is protected.")
    ] = "starttls"
    user: Annotated[str, Meta(description="Name to log in with; empty: without a login.")] = ""
    password_file: Annotated[Path | None, Meta(description="File that holds the password.")] = None
    authority: Annotated[
        Path | None, Meta(description="Authority of the server's certificate, PEM; empty: the usual ones.")
    ] = None
    sender: Annotated[str, Meta(description="Address that mails come from.")] = "kade@localhost"
    sender_name: Annotated[str, Meta(description="Name that mails come from.")] = "Kade"
    timeout: Annotated[
        Duration, AtLeast("1s"), Meta(description="How long the server may take for an answer.")
    ] = Duration("30s")


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """Access tokens (OAuth 2.0), whichever interface gives them."""

    rotate_after: Annotated[
        Duration,
        AtLeast("1h"),
        Meta(description="How long a key signs tokens before the next one is made."),
    ] = Duration("30d")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a single client may take from everybody else."""

    header_timeout: Annotated[
        Duration,
        AtLeast("100ms"),
        Meta(description="Time in which the headers of a request must have arrived."),
    ] = Duration("10s")
    header_size: Annotated[
        Size, AtLeast("1KiB"), Meta(description="Largest request line and headers together.")
    ] = Size("32KiB")
    keep_alive: Annotated[
        Duration, Meta(description="How long an idle connection stays open for the next request.")
    ] = Duration("60s")
    handshake_timeout: Annotated[
        Duration, AtLeast("100ms"), Meta(description="Time in which a TLS handshake must be done.")
    ] = Duration("10s")
    min_rate: Annotated[
        Size, Meta(description="Bytes per second below which a body is too slow; 0: no body is.")
    ] = Size(1024)
    slow_after: Annotated[
        Duration,
        AtLeast("100ms"),
        Meta(description="A body that is too slow over this time is cut; what came is kept."),
    ] = Duration("30s")
    drain: Annotated[
        Size, Meta(description="How much of a refused body is read, so that the client sees the answer.")
    ] = Size("32MiB")
    connections: Annotated[Positive, Meta(description="Connections at once on each listener.")] = 4096
    ranges: Annotated[
        Positive, Meta(description="Ranges in one request; with more the whole file is sent.")
    ] = 64
    shutdown: Annotated[
        Duration, Meta(description="How long running requests may take to end when Kade is stopped.")
    ] = Duration("30s")


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """What is written to standard error."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="The least important messages to be written."),
    ] = "info"
    format: Annotated[
        Literal["json", "console"], Meta(description="One JSON object per line, or text for people.")
    ] = "json"


CORE_SECTIONS: dict[str, msgspec.Struct] = {
    "data": Data(),
    "catalog": Catalog(),
    "storage": Storage(),
    "uploads": Uploads(),
    "web": WEB,
    "exchange": EXCHANGE,
    "client": CLIENT,
    "serve": Serve(),
    "tasks": Tasks(),
    "search": Search(),
    "sources": Sources(),
    "worker": Worker(),
    "mail": Mail(),
    "tokens": Tokens(),
    "limits": Limits(),
    "log": Log(),
}
