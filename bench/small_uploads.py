"""How many files of 1 KiB can be stored each second, on few and on many connections?"""

from bench.jobs import SmallRequests, Target
from bench.peers import Capability
from bench.question import Question, Scale

SIZE = 1024


def _question(connections: int) -> Question:
    def job(target: Target, scale: Scale) -> SmallRequests:
        return SmallRequests(target, "upload", connections, scale.small_uploads, SIZE)

    return Question(
        name=f"small_uploads_{connections}",
        title=lambda scale: f"{scale.small_uploads} uploads of 1 KiB on {connections} connections",
        needs=Capability.SMALL_UPLOAD,
        counts="requests",
        job=job,
    )


QUESTIONS = [_question(16), _question(64)]
