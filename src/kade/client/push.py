"""One HTTP PUT: the push profile of Digikoppeling Grote Berichten (GB002)."""

from __future__ import annotations

import mimetypes

from kade.client.answers import refuse
from kade.client.body import Body
from kade.client.errors import Interrupted, TransferError
from kade.client.peer import RemotePeer
from kade.client.ports import Outgoing
from kade.client.progress import Progress, Silent
from kade.client.retry import persist

_WORTH_ASKING = 1 << 16  # bytes; less is sent sooner than a server could refuse it


async def put(peer: RemotePeer, url: str, outgoing: Outgoing, *, progress: Progress | None = None) -> None:
    """Send all of `outgoing` to `url`, again from the start after a cut: every PUT overwrites (GB016).

    Large bodies wait for 100 Continue, so that a refusal costs nothing; a server that does not say it is sent
    the body unasked. Raises TransferError.
    """
    await _Push(peer, url, outgoing, progress or Silent()).run()


class _Push:
    """One push under way."""

    def __init__(self, peer: RemotePeer, url: str, outgoing: Outgoing, progress: Progress) -> None:
        self.peer, self.url, self.outgoing, self.progress = peer, url, outgoing, progress
        self.ask_first = outgoing.size >= _WORTH_ASKING

    async def run(self) -> None:
        # Nothing of a cut PUT counts, so no attempt is further than the one before.
        await persist(self.peer.retry, self.progress, lambda: 0, self._attempt)
        if not await self.outgoing.unchanged():
            raise TransferError(f"{self.outgoing.name} changed while it was sent; send it again")

    async def _attempt(self) -> None:
        size = self.outgoing.size
        guessed = mimetypes.guess_type(self.outgoing.name)[0]
        headers = {
            "Content-Length": str(size),
            "Content-Type": self.outgoing.media_type or guessed or "application/octet-stream",
        }
        body = Body(self.peer, self.outgoing, 0, size, self.progress)
        try:
            async with body.request("PUT", self.url, headers, ask_first=self.ask_first) as answer:
                if answer.status == 417 and self.ask_first:
                    raise Interrupted(f"{self.url}: the server knows no 100 Continue", 0.0, 417)
                if not 200 <= answer.status < 300:
                    raise refuse(answer, self.url)
        except Interrupted:
            if not body.begun:
                self.ask_first = False  # it may not know how to ask for the body
            raise
        self.progress.at(size, size)
