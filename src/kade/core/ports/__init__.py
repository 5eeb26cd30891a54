"""Every seam of the house: what core and services need from the outside, with its contract.

An implementation of a port is one file below ``storage/``, ``catalog/`` or ``web/``, and runs the port's
conformance suite (``tests/conformance``). Verbs are plain functions ``verb(tx, …)`` over a ``Tx``; flows
that stream are async and own their transactions.
"""

from kade.core.ports.asking import Contacts, Requests, Shares, Webhooks
from kade.core.ports.catalog import Catalog, Namer, Tx
from kade.core.ports.finding import Items, Readings, Records, Sources
from kade.core.ports.mail import Mailer
from kade.core.ports.search import Extractor, Rebuild, SearchIndex
from kade.core.ports.sources import Place, Places
from kade.core.ports.streams import Absorber, Digester, Piece, SegmentStore, Sink, Source
from kade.core.ports.tables import (
    Bindings,
    BusinessTypes,
    Contents,
    Credentials,
    Cursors,
    Deliveries,
    Files,
    Folders,
    Grants,
    Journal,
    Principals,
    Quotas,
    Rules,
    Segments,
    SigningKeys,
    Spaces,
    Tasks,
    Tenants,
    Uploads,
)

__all__ = [
    "Absorber",
    "Bindings",
    "BusinessTypes",
    "Catalog",
    "Contacts",
    "Contents",
    "Credentials",
    "Cursors",
    "Deliveries",
    "Digester",
    "Extractor",
    "Requests",
    "Files",
    "Records",
    "Items",
    "Sources",
    "Readings",
    "Folders",
    "Grants",
    "Journal",
    "Mailer",
    "Namer",
    "Piece",
    "Place",
    "Places",
    "Principals",
    "Quotas",
    "Rebuild",
    "Rules",
    "SearchIndex",
    "SegmentStore",
    "Segments",
    "SigningKeys",
    "Shares",
    "Sink",
    "Source",
    "Spaces",
    "Tasks",
    "Tenants",
    "Tx",
    "Uploads",
    "Webhooks",
]
