"""The settings of a service, by kind: a JSON object in ``Service.settings``; empty is all defaults."""

from typing import Annotated, TypeVar

import msgspec

from kade.core.errors import KadeError, SourceReason

S = TypeVar("S", bound=msgspec.Struct)

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
Texts = Annotated[tuple[Text, ...], msgspec.Meta(max_length=1000)]


class FolderSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """*exclude*: patterns such as ``*.tmp`` of names, of files or folders, that are left out; one with a
    slash is matched with the whole path below the place. Case does not count.

    *usual*: what ``folder_tree.USUAL`` lists is left out, too. *may_be_empty*: a root without a single entry
    is believed; else it counts as not there, as a disk that is not mounted looks like that. *poll_ms*: how
    often the tree is looked at to notice changes, instead of being told of them; None: once a minute, and
    only on file systems that tell nobody, such as a network's; 0: never.
    """

    exclude: Texts = ()
    usual: bool = True
    may_be_empty: bool = False
    poll_ms: Annotated[int, msgspec.Meta(ge=0, le=86_400_000)] | None = None


class MailboxSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """*insecure*: the password may go over a line that is not encrypted. *authorities*: a PEM file with the
    certificates that the server's is checked with, instead of the system's.

    *exclude*: folders (names with slashes, patterns allowed) that are left out, with those below them.
    *usual*: those that the server calls junk or trash (RFC 6154) are left out, too. *timeout_ms*: how long
    the server may say nothing.
    """

    insecure: bool = False
    authorities: str = ""
    exclude: Texts = ()
    usual: bool = True
    timeout_ms: Annotated[int, msgspec.Meta(ge=100, le=600_000)] = 60_000


class WebsiteSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """*addresses*: more first pages; their hosts belong to it. *depth*: how many links from a first one.
    *pages*: how many pages are asked for in one walk. *interval_ms*: the pause between two requests, which
    robots.txt may lengthen. *max_size*: bytes of the largest page or document, unpacked. *timeout_ms*: how
    long one answer may take.
    """

    addresses: Annotated[tuple[Text, ...], msgspec.Meta(max_length=100)] = ()
    depth: Annotated[int, msgspec.Meta(ge=0, le=100)] = 5
    pages: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1_000
    interval_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] = 1_000
    max_size: Annotated[int, msgspec.Meta(ge=1, le=1 << 40)] = 50 << 20
    timeout_ms: Annotated[int, msgspec.Meta(ge=100, le=600_000)] = 60_000


def decode(text: str, kind: type[S]) -> S:
    """The settings in *text*.

    Raises:
        KadeError: ``SourceReason.BAD_LOCATION``, with what is wrong.
    """
    try:
        return msgspec.json.decode(text or "{}", type=kind)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise KadeError(SourceReason.BAD_LOCATION, f"settings: {error}") from None
