"""RemotePeer: talks to somebody else's file server, or another Kade, over HTTP and mTLS."""

from kade.client.errors import TransferError
from kade.client.peer import RemotePeer
from kade.client.policy import Policy
from kade.client.progress import Progress, Silent
from kade.client.proxy import Proxy
from kade.client.retry import Retry
from kade.client.throttle import Throttle
from kade.client.tls import client_context

__all__ = [
    "Policy",
    "Progress",
    "Proxy",
    "RemotePeer",
    "Retry",
    "Silent",
    "Throttle",
    "TransferError",
    "client_context",
]
