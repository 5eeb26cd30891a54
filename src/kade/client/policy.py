"""Where a transfer may go, so that nobody reaches our own network by naming a URL (SSRF).

A URL is looked at before each request and each hop of a redirect, an address when its socket is made:
whatever a resolver says, and however often it changes its mind, the address judged is the one connected to.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from yarl import URL

from kade.client.errors import TransferError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
AddrInfo = tuple[int, int, int, str, tuple[str | int, ...]]

# IANA, IPv4 Special-Purpose Address Registry (RFC 6890): all that is not globally reachable unicast.
_CLOSED_V4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # behind carriers' address translation
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, where clouds keep their metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays, deprecated
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# IANA, IPv6 Global Unicast Address Assignments: only this is given out, …
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
# … and of it these are not for the public network.
_CLOSED_V6 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo and ORCHID among them
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")
_REFUSED = "the policy for transfers does not allow the address of this host"


class AddressRefused(OSError):
    """A socket to such an address is not made."""

    def __init__(self) -> None:
        # One text for all addresses of a host, so that it stays one error when each is refused.
        super().__init__(errno.EACCES, _REFUSED)


@dataclass(frozen=True)
class Policy:
    """Which URLs and addresses transfers may reach.

    `hosts` are names, addresses, or `*.example.org` for all names below one; empty allows any. `networks` are
    allowed besides global unicast addresses; without any, loopback, private, link-local, shared, multicast
    and reserved ones are refused, in their IPv4-mapped, NAT64 and 6to4 forms too. `schemes` are a URL's.

    Behind a proxy it is the proxy that resolves and connects: `hosts` and `schemes` hold, and `networks` for
    addresses that stand in a URL, but what a name leads to is the proxy's to mind.
    """

    hosts: Sequence[str] = ()
    networks: Sequence[Network] = ()
    schemes: frozenset[str] = frozenset({"http", "https"})

    def check(self, url: URL) -> None:
        """Raises TransferError, permanent, when no request may go to this URL."""
        if url.scheme not in self.schemes:
            raise _refusal(url, f"{url.scheme or 'no scheme'} is not among {', '.join(sorted(self.schemes))}")
        if url.raw_user is not None or url.raw_password is not None:
            raise _refusal(url, "it has a user or password in it")
        host = _plain(url.raw_host or "")
        if not host or not self._names(host):
            raise _refusal(url, "its host is not among the allowed ones")
        address = _literal(host)
        if address is not None and not self.allows(address):
            raise _refusal(url, "its address is not among the allowed ones")
        if address is None and _is_local(host) and not self.allows(ipaddress.IPv4Address("127.0.0.1")):
            raise _refusal(url, "it names this machine")

    def allows(self, address: Address) -> bool:
        """Whether a connection to this address may be made."""
        real = _embedded(address)
        if any(real in network or address in network for network in self.networks):
            return True
        if isinstance(real, ipaddress.IPv4Address):
            return not any(real in network for network in _CLOSED_V4)
        return real in _GLOBAL_V6 and not any(real in network for network in _CLOSED_V6)

    def socket(self, info: AddrInfo) -> socket.socket:
        """A socket for this resolved address. Raises AddressRefused."""
        family, kind, protocol, _, place = info
        # The zone behind a percent sign is no part of an address.
        if not self.allows(ipaddress.ip_address(str(place[0]).partition("%")[0])):
            raise AddressRefused
        return socket.socket(family, kind, protocol)

    def _names(self, host: str) -> bool:
        return not self.hosts or any(_matches(_plain(pattern), host) for pattern in self.hosts)


def _matches(pattern: str, host: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return host == pattern


def _plain(host: str) -> str:
    """Lower case, without the dot of the root."""
    return host.lower().removesuffix(".")


def _is_local(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost")  # RFC 6761, 6.3


def _literal(host: str) -> Address | None:
    """The address that a host is, in any spelling that the C library takes: 127.1, 0x7f000001, 2130706433."""
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None


def _embedded(address: Address) -> Address:
    """The IPv4 address that is reached through an IPv6 one, or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _SIX_TO_FOUR:
        return ipaddress.IPv4Address(int(address) >> 80 & 0xFFFFFFFF)
    return address


def _refusal(url: URL, why: str) -> TransferError:
    shown = url.with_user(None) if url.raw_host else url
    return TransferError(f"{shown}: the policy for transfers does not allow it: {why}", permanent=True)
