"""How many uploads can be created each second?"""

from bench.jobs import SmallRequests
from bench.peers import Capability
from bench.question import Question

CONNECTIONS = 16

QUESTIONS = [
    Question(
        name="creations",
        title=lambda scale: f"{scale.creations} creations on {CONNECTIONS} connections",
        needs=Capability.CREATE,
        counts="requests",
        job=lambda target, scale: SmallRequests(target, "create", CONNECTIONS, scale.creations),
    )
]
