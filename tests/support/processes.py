"""What a process and its children cost: CPU seconds and memory, read from the system."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class MemorySample:
    """Resident memory of a process tree, `seconds` after sampling began."""

    seconds: float
    rss: int


def process_tree(pid: int) -> list[psutil.Process]:
    """Give a process and its living descendants; empty when it is gone."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu_seconds(pid: int) -> float:
    """Give user and system seconds of a process tree, children that ended and were waited for included."""
    total = 0.0
    for process in process_tree(pid):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def resident_bytes(pid: int) -> int:
    """Give the resident memory of a process tree now; pages shared by its processes count for each."""
    total = 0
    for process in process_tree(pid):
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def peak_resident_bytes(pid: int) -> int:
    """Give the sum of each process's highest resident memory since the last `reset_peak` (or its start)."""
    total = 0
    for process in process_tree(pid):
        try:
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        except (FileNotFoundError, ProcessLookupError):
            continue
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                total += int(line.split()[1]) * 1024
    return total


def reset_peak(pid: int) -> None:
    """Begin a new peak for `peak_resident_bytes` (proc(5), clear_refs)."""
    for process in process_tree(pid):
        try:
            Path(f"/proc/{process.pid}/clear_refs").write_text("5", encoding="ascii")
        except (FileNotFoundError, ProcessLookupError):
            continue


class MemorySampler:
    """Samples the resident memory of a process tree in a thread, every 100 ms; use as a context manager."""

    def __init__(self, pid: int, interval: float = 0.1) -> None:
        self.pid = pid
        self.interval = interval
        self.samples: list[MemorySample] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory-sampler", daemon=True)

    def __enter__(self) -> MemorySampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def peak(self) -> int:
        """The highest sample in bytes."""
        return max(sample.rss for sample in self.samples)

    def peak_of_half(self, half: int) -> int:
        """The highest sample in bytes of the first (1) or second (2) half of the time sampled."""
        middle = len(self.samples) // 2
        chosen = self.samples[:middle] if half == 1 else self.samples[middle:]
        return max(sample.rss for sample in chosen)

    def _run(self) -> None:
        count = 0
        while True:
            rss = resident_bytes(self.pid)
            if rss:
                self.samples.append(MemorySample(count * self.interval, rss))
            count += 1
            if self._stop.wait(self.interval):
                return
