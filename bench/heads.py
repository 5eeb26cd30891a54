"""How many clients can ask for an offset (nginx: for a file's length) each second?"""

from bench.jobs import SmallRequests, Target
from bench.peers import Capability
from bench.question import Question, Scale, store_files

CONNECTIONS = 16


def _job(target: Target, scale: Scale) -> SmallRequests:
    # More uploads than connections: asking for one upload only would measure a peer's lock on it.
    paths = store_files(target, 4 * CONNECTIONS, 1024)
    return SmallRequests(target, "head", CONNECTIONS, scale.heads, paths=paths)


QUESTIONS = [
    Question(
        name="heads",
        title=lambda scale: f"{scale.heads} HEAD requests on {CONNECTIONS} connections",
        needs=Capability.HEAD,
        counts="requests",
        job=_job,
    )
]
