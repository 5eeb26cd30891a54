"""GBService by SOAP (spec 2.2, 3): references; the operations that are ours are REST's alone."""

from collections.abc import Sequence

import msgspec
from lxml import etree

from kade.dialects.fileclient.references import ReferenceFlows
from kade.web.grote_berichten import references
from kade.web.soap import Call, SoapOperation


class FileIds(msgspec.Struct, frozen=True):
    id: list[int]


class Answer(msgspec.Struct, frozen=True):
    """The reference is an element in the standard's own namespace."""

    reference: etree._Element


class GbService:
    """References to files that were sent or fetched."""

    def __init__(self, flows: ReferenceFlows) -> None:
        self._flows = flows

    def operations(self) -> Sequence[SoapOperation]:
        return (
            SoapOperation("getExternalDataReference", FileIds, self.get_reference, reads="file.referred_to"),
        )

    async def get_reference(self, call: Call) -> Answer:
        found = await self._flows.of(call.caller, [str(each) for each in call.body.id])
        return Answer(references.as_element(found, "external-data-reference"))
