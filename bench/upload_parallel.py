"""How fast do large files come in when eight partners send at once?"""

from bench.jobs import StreamUploads
from bench.peers import Capability
from bench.question import MIB, Question

COUNT = 8

QUESTIONS = [
    Question(
        name="upload_parallel",
        title=lambda scale: f"{COUNT} uploads of {scale.parallel_upload // MIB} MiB at once",
        needs=Capability.UPLOAD,
        counts="bytes",
        job=lambda target, scale: StreamUploads(target, COUNT, scale.parallel_upload),
    )
]
