"""The servers that are measured. All of them listen on loopback and keep their files in the folder given."""

from __future__ import annotations

from collections.abc import Callable

from bench.peers.kade import KadePeer
from bench.peers.nginx import NginxPeer
from bench.peers.peer import Capability, Peer, PeerMissing, Security
from bench.peers.tus_node import TusNodePeer

__all__ = ["PEERS", "Capability", "Peer", "PeerMissing", "Security"]

PEERS: dict[str, Callable[[], Peer]] = {
    "kade": KadePeer,
    "kade-nosync": lambda: KadePeer(synchronise=False),
    "nginx": NginxPeer,
    "tus-node": TusNodePeer,
}
"""Every peer by the name that `--peers` takes, Kade first."""
