"""GBService, push: a message about files that a partner put is judged and answered (spec 3.5)."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from kade.core.principals import Caller
from kade.dialects.fileserver.gb.judging import Judge
from kade.dialects.fileserver.settings import Settings
from kade.web.dialect import Kit
from kade.web.grote_berichten import messages
from kade.web.grote_berichten.documents import LIMIT, XML
from kade.web.receive import read_all
from kade.web.rest import Operation, acceptable

_PATH = "/gb/user/{userId}/externalDataReferenceRequest"


class PushService:
    """Messages come to the organisation's own application, which says from which partner they are."""

    def __init__(self, kit: Kit, settings: Settings) -> None:
        self._judge = Judge(kit, settings)

    def operations(self) -> Sequence[Operation]:
        return (Operation("judgeExternalDataReferences", "POST", _PATH, self.judge, XML, XML),)

    async def judge(self, request: Request, caller: Caller) -> Response:
        """The same request may be sent again: what was accepted stays accepted."""
        message = messages.read_request(await read_all(request.scope, request.receive, LIMIT))
        judged = await self._judge.answer(caller, request.path_params["userId"], message)
        media_type = acceptable(request, XML)
        return Response(messages.response(message, judged), media_type=f"{media_type}; charset=utf-8")
