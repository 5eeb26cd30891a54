"""The documents that search is measured with."""

import os
import subprocess
import sys

_PROGRAM = "from bench.search.documents import Archive; print(Archive().words[:2000])"


def test_every_process_makes_the_same_words() -> None:
    made = {
        subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            env=os.environ | {"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(made) == 1
