"""Business type: a kind of exchange that organisations agreed on, the same for every tenant."""

from enum import StrEnum
from typing import NamedTuple

from kade.core.clock import Millis
from kade.core.spaces import Policy


class Direction(StrEnum):
    """What applications may do with files of the type."""

    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"
    BOTH = "both"


NUMBERS = range(10**9)
"""What a business type may be called by: nine digits at most."""


class BusinessType(NamedTuple):
    """A number with a name; *policy* is that of each tenant's space for the type."""

    number: int
    name: str
    direction: str
    policy: Policy
    created_at: Millis


_PROGRAMS = """
action apk app asa asax asp axd bat bin cer cfc cfm cgi cmd com command cpl csh css dbm dll do exe gadget
htm html inc inf ins inx ipa isu jar job js jse jsp jsv jsw jsx ksh lnk msc msi msp mst osx out paf phar php
php2 php3 php4 php5 php6 php7 phps pht phtm phtml pif pl prg ps1 rem reg rgs run scr sct shb shs shtml swf
u3p vb vbe vbs vbscript workflow ws wsf wsg wss xap
"""
REFUSED_EXTENSIONS = tuple(_PROGRAMS.split())
"""Names that end so are programs to somebody: a business type refuses them unless it says otherwise."""
