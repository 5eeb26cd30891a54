"""Mail: a message for somebody, as plain text."""

from typing import NamedTuple


class Mail(NamedTuple):
    """*key* is the same each time the message is sent again: whoever gets it twice can tell."""

    key: str
    to: str
    subject: str
    text: str


class MailError(Exception):
    """A message was not taken; the sentence says why. *permanent*: it never will be."""

    def __init__(self, sentence: str, *, permanent: bool) -> None:
        super().__init__(sentence)
        self.permanent = permanent
