"""GBService by SOAP: the external-data-reference (spec 1.4, 3)."""

from collections.abc import Sequence

import msgspec
from lxml import etree

from kade.dialects.fileserver.flows import ReferenceFlows
from kade.dialects.fileserver.settings import Settings
from kade.web.dialect import Kit
from kade.web.grote_berichten import references
from kade.web.soap import Call, SoapOperation


class PathList(msgspec.Struct, frozen=True):
    path: list[str]


class Answer(msgspec.Struct, frozen=True):
    """The reference is an element in the standard's own namespace."""

    reference: etree._Element


class GbService:
    """References by which partners fetch files."""

    def __init__(self, kit: Kit, settings: Settings) -> None:
        self._flows = ReferenceFlows(kit, settings)

    def operations(self) -> Sequence[SoapOperation]:
        return (
            SoapOperation("getExternalDataReference", PathList, self.get_reference, reads="file.referred_to"),
        )

    async def get_reference(self, call: Call) -> Answer:
        found = await self._flows.of(call.caller, call.body.path)
        return Answer(references.as_element(found, "external-data-reference"))
