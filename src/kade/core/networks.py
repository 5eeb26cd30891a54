"""Networks that somebody may call from: CIDRs with spaces between (RFC 4632, RFC 4291)."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from kade.core.errors import KadeError, RequestReason

_MAPPED = IPv6Network("::ffff:0:0/96")  # IPv4 addresses as a socket for both families shows them


def canonical(networks: Iterable[str]) -> str:
    """The networks, single addresses among them, in the form that ``cover`` reads.

    Raises:
        KadeError: ``RequestReason.BAD_VALUE`` for what is no network.
    """
    try:
        found = [str(_as_ipv4(ip_network(each, strict=False))) for each in networks]
    except ValueError as error:
        raise KadeError(RequestReason.BAD_VALUE, "network") from error
    return " ".join(dict.fromkeys(found))


def cover(networks: str, address: str) -> bool:
    """Whether *address* lies in one of *networks*, which ``canonical`` made; none at all cover everything.

    An address that cannot be read lies in none. IPv4-mapped IPv6 addresses count as IPv4.
    """
    if not networks:
        return True
    try:
        host: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    if isinstance(host, IPv6Address):
        host = host.ipv4_mapped or host
    return any(host in network for network in _parsed(networks))


@lru_cache(1024)
def _parsed(networks: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(each) for each in networks.split())


def _as_ipv4(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    if isinstance(network, IPv4Network) or not network.subnet_of(_MAPPED):
        return network
    address = network.network_address.ipv4_mapped
    assert address is not None
    return IPv4Network((address, network.prefixlen - _MAPPED.prefixlen))
