"""Networks that somebody may call from: CIDRs with spaces between (RFC 4632, RFC 4291)."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from kade.core.errors import KadeError, PrincipalReason

_MAPPED = IPv6Network("::ffff:0:0/96")  # IPv4 addresses as a socket for both families shows them


def clean(text: str) -> str:
    """*text* in canonical form: networks by commas or spaces, single addresses among them; empty: any.

    Raises:
        KadeError: ``PrincipalReason.BAD_NETWORK``.
    """
    found: list[str] = []
    for each in text.replace(",", " ").split():
        try:
            network = str(_as_ipv4(ip_network(each, strict=False)))
        except ValueError as error:
            raise KadeError(PrincipalReason.BAD_NETWORK, ascii(each[:80])) from error
        if network not in found:
            found.append(network)
    return " ".join(found)


def cover(networks: str, address: str) -> bool:
    """Whether *address* lies in one of *networks*, which ``clean`` made; none at all cover everything.

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
