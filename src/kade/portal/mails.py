"""Mails about requests: what they say, in the language of who reads them."""

import json
from typing import NamedTuple
from zoneinfo import ZoneInfo

from kade.core.clock import now
from kade.core.ids import Id
from kade.core.mail import Mail, MailError
from kade.core.ports import Tx
from kade.core.requests import RequestState
from kade.portal.languages import LANGUAGES, Language, language
from kade.portal.settings import Settings
from kade.services import links, requests
from kade.services.requests import View
from kade.services.telling import Letter
from kade.tasks import Run
from kade.tasks.outbox import pause
from kade.tasks.runner import Finish, Hopeless, TryLater
from kade.web.dialect import Kit

# What is still to be said when the mail goes out: who has sent everything needs no reminder.
_WHILE = {
    Letter.INVITATION: (RequestState.OPEN,),
    Letter.REMINDER: (RequestState.OPEN,),
    Letter.COMPLETED: (RequestState.COMPLETED,),
    Letter.RECEIPT: (RequestState.COMPLETED,),
}


class _Order(NamedTuple):
    letter: Letter
    request_id: Id
    to: str
    link: int


class Mails:
    """Handles tasks of kind ``services.telling.MAIL``."""

    def __init__(self, kit: Kit, settings: Settings) -> None:
        self._kit = kit
        self._settings = settings

    def pause(self, failures: int) -> float:
        """As ``tasks.Handler`` says."""
        return pause(failures)

    async def __call__(self, run: Run) -> Finish | None:
        """Send it, unless there is nothing to be said any longer."""
        said = json.loads(run.task.request)
        order = _Order(Letter(said["letter"]), Id(said["request"]), said["to"], said["link"])
        view = await self._kit.catalog.read(_looked_up, order)
        if view is None:
            return None
        try:
            await self._kit.mailer.send(self._mail(run.task.id, order, view))
        except MailError as error:
            raise (Hopeless if error.permanent else TryLater)(str(error)) from error
        return None

    def _mail(self, key: str, order: _Order, view: View) -> Mail:
        request = view.request
        speaking = language(request.language if request.language in LANGUAGES else LANGUAGES[0])
        asking = order.letter in (Letter.INVITATION, Letter.REMINDER)
        until = self._until(speaking, view) if asking else ""
        parts = [
            speaking.say(f"mail.{order.letter}", name=request.name),
            (request.description or "") if asking else "",
            _listed(speaking, view, asking=asking),
            speaking.say("mail.open") if asking else "",
            self._link(order.letter, view),
            speaking.say("mail.until", until=until) if until else "",
            speaking.say("mail.personal") if asking else "",
        ]
        subject = speaking.say(f"mail.{order.letter}_subject", name=request.name)
        return Mail(key, order.to, subject, "\n\n".join(filter(None, parts)) + "\n")

    def _until(self, speaking: Language, view: View) -> str:
        at = view.request.expires_at
        return "" if at is None else speaking.moment(at, ZoneInfo(self._settings.zone))

    def _link(self, letter: Letter, view: View) -> str:
        if letter is Letter.COMPLETED:
            return ""  # whoever asked has the files; the link is that of who was asked
        token = requests.token(self._kit.sealer.derive(links.PURPOSE), view.request)
        return f"{self._kit.bases['web']}{self._settings.request_path}/{token}"


def _looked_up(tx: Tx, order: _Order) -> View | None:
    request = tx.file_requests.get(order.request_id)
    if request is None or request.state(now()) not in _WHILE[order.letter]:
        return None
    if order.letter in (Letter.INVITATION, Letter.REMINDER) and request.link != order.link:
        return None  # another link was made meanwhile, and told in a mail of its own
    return requests.view(tx, request)


def _listed(speaking: Language, view: View, *, asking: bool) -> str:
    lines = []
    for slot in view.slots:
        placed = view.placed.get(slot.id)
        if asking:
            lines.append(f"- {slot.name}" + ("" if slot.required else f" ({speaking.say('slot.optional')})"))
        elif placed is not None:
            size = speaking.size(placed.length)
            lines.append(f"- {slot.name}: {placed.file.name} ({size})\n  SHA-256 {placed.sha256 or '…'}")
    return "\n".join(lines)
