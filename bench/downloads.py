"""How fast do files go out, whole and by ranges?"""

from bench.jobs import Downloads, Target
from bench.peers import Capability
from bench.question import MIB, Question, Scale, store_files

CONNECTIONS = 2
RANGE_CONNECTIONS = 8
RANGE_SIZE = MIB


def _whole(target: Target, scale: Scale) -> Downloads:
    paths = [target.download_path(path) for path in store_files(target, CONNECTIONS, scale.download)]
    return Downloads(target, paths, scale.download, scale.download_rounds)


def _ranged(target: Target, scale: Scale) -> Downloads:
    path = target.download_path(store_files(target, 1, scale.download)[0])
    rounds = scale.ranges // RANGE_CONNECTIONS
    return Downloads(target, [path] * RANGE_CONNECTIONS, scale.download, rounds, RANGE_SIZE)


QUESTIONS = [
    Question(
        name="download_whole",
        title=lambda scale: (
            f"{CONNECTIONS * scale.download_rounds} downloads of {scale.download // MIB} MiB, "
            f"{CONNECTIONS} at once"
        ),
        needs=Capability.DOWNLOAD,
        counts="bytes",
        job=_whole,
    ),
    Question(
        name="download_ranges",
        title=lambda scale: f"{scale.ranges} random ranges of 1 MiB, {RANGE_CONNECTIONS} at once",
        needs=Capability.RANGE,
        counts="bytes",
        job=_ranged,
    ),
]
