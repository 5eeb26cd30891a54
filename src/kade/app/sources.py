"""Judging where a service is said to be, for commands that configure one."""


def check_location(kind: str, location: str, settings: str) -> None:
    """Raises KadeError(``SourceReason.BAD_LOCATION``) for what no service of that kind can have."""
    from kade.sources.places import check_location as check

    check(kind, location, settings)
