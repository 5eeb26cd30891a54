"""Customer: whose files are filed in groups and found again; FileGroup: a space as a customer knows it."""

from typing import NamedTuple

import msgspec

from kade.core.ids import Id
from kade.core.principals import Principal
from kade.core.spaces import Space

PAGE_SIZES = range(5, 251)


class Account(msgspec.Struct, frozen=True):
    """What holds for a customer.

    *number* is what it is called by; *page_size* how many results it gets at once. It may use the services of
    *installations*. A blocked one is refused everything.
    """

    number: int
    page_size: int = 25
    downloads: bool = True
    blocked: bool = False
    installations: tuple[Id, ...] = ()


class Customer(NamedTuple):
    """A principal with an account, and the space that its groups are in."""

    principal: Principal
    account: Account
    space_id: Id


class GroupSettings(msgspec.Struct, frozen=True):
    """What holds for a file group: its name and installation (empty: none), and whether it can be used.

    *copies*: bytes of what is synchronised into it are copied into the store; *downloads*: they may be
    fetched.
    """

    customer_id: Id
    name: str
    installation_id: str = ""
    copies: bool = True
    downloads: bool = True
    active: bool = True


class FileGroup(NamedTuple):
    """A space with the settings of a group."""

    space: Space
    settings: GroupSettings

    @property
    def name(self) -> str:
        """As its customer writes it."""
        return self.settings.name

    @property
    def keeps_deleted(self) -> bool:
        """Whether what is deleted can be had for a while."""
        return self.space.policy.trash_ms > 0
