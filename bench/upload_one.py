"""How fast does one large file come in, in one request?"""

from bench.jobs import StreamUploads
from bench.peers import Capability
from bench.question import MIB, Question

QUESTIONS = [
    Question(
        name="upload_one",
        title=lambda scale: f"one upload of {scale.single_upload // MIB} MiB in one request",
        needs=Capability.UPLOAD,
        counts="bytes",
        job=lambda target, scale: StreamUploads(target, 1, scale.single_upload),
    )
]
