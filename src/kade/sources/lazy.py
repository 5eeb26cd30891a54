"""Places that are made ready when the first is opened: who synchronises nothing need not load what does."""

from collections.abc import Callable

from kade.core.ports.sources import Place, Places
from kade.core.sources import Service


class LazyPlaces:
    """Implements ``core.ports.Places`` by the places that *make* gives."""

    def __init__(self, make: Callable[[], Places]) -> None:
        self._make = make
        self._places: Places | None = None

    async def open(self, service: Service, path: str) -> Place:
        """See ``Places.open``."""
        if self._places is None:
            self._places = self._make()
        return await self._places.open(service, path)
