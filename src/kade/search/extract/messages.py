"""What messages of any format have in common: people, a subject, and how these are told."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from kade.core.clock import Millis
from kade.core.extraction import RemarkKind
from kade.core.search import Kind
from kade.search.extract.gathering import Gathering, plain

_PEOPLE = 1_000  # of one kind


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    address: str

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name and self.address else self.name or self.address


@dataclass(slots=True)
class Heading:
    """Who wrote to whom, when, about what."""

    message_id: str = ""
    subject: str = ""
    sender: Person = field(default_factory=lambda: Person("", ""))
    to: Sequence[Person] = ()
    cc: Sequence[Person] = ()
    bcc: Sequence[Person] = ()
    sent_at: Millis | None = None


def tell(heading: Heading, gathering: Gathering) -> None:
    """Subject and people are part of what a message says; of the outermost they are told apart, too."""
    people = {"To": heading.to, "CC": heading.cc, "BCC": heading.bcc}
    for kind, all_of_them in people.items():
        if len(all_of_them) > _PEOPLE:
            gathering.remark(RemarkKind.TOO_MANY, kind, _PEOPLE, len(all_of_them))
            people[kind] = all_of_them[:_PEOPLE]
    lines = [heading.subject, str(heading.sender), *(", ".join(map(str, some)) for some in people.values())]
    gathering.say("\n".join(filter(None, map(plain, lines))) + "\n\n")
    properties = {
        "Message-ID": plain(heading.message_id),
        "Subject": plain(heading.subject),
        "From": _told(heading.sender),
        **{kind: [_told(person) for person in some] for kind, some in people.items()},
    }
    gathering.describe(
        title=heading.subject,
        author=str(heading.sender),
        modified_at=heading.sent_at,
        properties=json.dumps(properties, ensure_ascii=False),
        kind=Kind.EMAIL,
    )


def _told(person: Person) -> dict[str, str]:
    return {"Name": plain(person.name), "Address": plain(person.address)}
