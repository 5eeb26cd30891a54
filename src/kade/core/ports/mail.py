"""How messages get to people."""

from typing import Protocol

from kade.core.mail import Mail


class Mailer(Protocol):
    """Hands messages to whoever delivers them."""

    @property
    def ready(self) -> bool:
        """Whether there is anybody to hand them to."""
        ...

    async def send(self, mail: Mail) -> None:
        """Return when the message was taken, and is the other side's to deliver. Raises MailError."""
        ...
