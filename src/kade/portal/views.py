"""A request as its page shows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from kade.core.clock import Millis
from kade.core.ids import Id
from kade.services.requests import View


@dataclass(frozen=True, slots=True)
class HeldFile:
    """What is in a slot; *size* in bytes, *sha256* in hex once it is known."""

    name: str
    size: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class AskedSlot:
    """One file that is asked for; *max_size* in bytes."""

    id: Id
    name: str
    description: str
    required: bool
    max_size: int | None
    accepts: tuple[str, ...]
    held: HeldFile | None


@dataclass(frozen=True, slots=True)
class AskedFiles:
    """What somebody was asked for, and what they have handed in."""

    id: Id
    name: str
    description: str
    expires_at: Millis | None
    completed_at: Millis | None
    slots: Sequence[AskedSlot]

    @classmethod
    def of(cls, view: View) -> "AskedFiles":
        """The page's view of a request."""
        request = view.request
        slots = []
        for slot in view.slots:
            placed = view.placed.get(slot.id)
            held = HeldFile(placed.file.name, placed.length, placed.sha256) if placed else None
            accepts = tuple(slot.accepts.split())
            about = slot.description or ""
            slots.append(AskedSlot(slot.id, slot.name, about, slot.required, slot.max_size, accepts, held))
        return cls(
            request.id,
            request.name,
            request.description or "",
            request.expires_at,
            request.completed_at,
            slots,
        )

    @property
    def held(self) -> list[AskedSlot]:
        """The slots that have a file."""
        return [slot for slot in self.slots if slot.held is not None]
