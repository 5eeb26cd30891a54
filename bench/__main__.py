"""Runs the benchmarks: `python -m bench [NAME …]`."""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.support.kade_server import ServerFailed

from bench import creations, downloads, heads, small_uploads, upload_one, upload_parallel
from bench.load import LoadFailed
from bench.machine import touch_memory
from bench.measure import Measurement, ask
from bench.peers import PEERS, Peer, PeerMissing, Security
from bench.question import SCALES
from bench.report import print_table, write_reports

_MODULES = {
    "upload_one": upload_one,
    "upload_parallel": upload_parallel,
    "creations": creations,
    "small_uploads": small_uploads,
    "heads": heads,
    "downloads": downloads,
}


def main() -> int:
    """Ask the questions and report; the exit status is 1 when a peer failed to answer one."""
    options = _parse()
    scale = SCALES[options.size]
    questions = [question for name in options.names for question in _MODULES[name].QUESTIONS]
    peers, versions = _installed(options.peers)
    measurements: list[Measurement] = []
    failures: list[str] = []
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="work-", dir=options.out) as work:
        touch_memory(Path(work), 4 * max(scale.single_upload, 8 * scale.parallel_upload))
        for question, security, peer in itertools.product(questions, options.security, peers):
            if question.needs not in peer.capabilities:
                continue
            label = f"{question.name}, {security.value}, {peer.name}"
            print(label, file=sys.stderr, flush=True)
            try:
                measurements.append(ask(peer, question, security, scale, options.repeat, Path(work)))
            except (LoadFailed, ServerFailed) as error:
                failures.append(f"{label}: {error}")
    write_reports(options.out, questions, scale, versions, measurements)
    print_table(questions, scale, versions, measurements)
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)
    return 1 if failures else 0


def _installed(names: list[str]) -> tuple[list[Peer], dict[str, str]]:
    peers: list[Peer] = []
    versions: dict[str, str] = {}
    for name in names:
        peer = PEERS[name]()
        try:
            versions[name] = peer.version()
        except PeerMissing as missing:
            print(f"left out: {name}, it needs {missing}", file=sys.stderr)
            continue
        peers.append(peer)
    return peers, versions


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(_MODULES)} (default: all)")
    parser.add_argument("--size", choices=list(SCALES), default=os.environ.get("BENCH_SIZE", "small"))
    parser.add_argument("--peers", type=_list_of(PEERS), default=list(PEERS), metavar="PEER,…")
    parser.add_argument(
        "--security",
        type=lambda text: [Security(name) for name in text.split(",")],
        default=list(Security),
        metavar="plain,mtls",
    )
    parser.add_argument("--repeat", type=int, default=1, help="runs of each, of which the median counts")
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help="where the JSON goes")
    options = parser.parse_args()
    options.names = options.names or list(_MODULES)
    if unknown := set(options.names) - set(_MODULES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    options.out = options.out.absolute()
    return options


def _list_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = text.split(",")
        if unknown := set(names) - set(known):
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}")
        return names

    return parse


if __name__ == "__main__":
    sys.exit(main())
