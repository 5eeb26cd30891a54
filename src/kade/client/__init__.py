"""RemotePeer: talks to somebody else's file server, or another Kade, over HTTP and mTLS."""

from kade.client.errors import TransferError
from kade.client.peer import RemotePeer
from kade.client.progress import Progress, Silent
from kade.client.retry import Retry
from kade.client.tls import client_context

__all__ = ["Progress", "RemotePeer", "Retry", "Silent", "TransferError", "client_context"]
