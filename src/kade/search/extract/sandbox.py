"""What a child gives up before it looks at a file: sockets, other people's files, and ever more memory.

Nothing here needs privileges: ``no_new_privs`` lets any process filter its own system calls (seccomp(2)) and
narrow its own view of files and signals (landlock(7)). What is given up stays so in programs that it starts.
"""

import contextlib
import ctypes
import os
import platform
import resource
import signal
import struct
import sys
import sysconfig
from pathlib import Path

from kade.search.extract.limits import Limits

_NICE = 10
_STACK = 8 << 20

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446  # the same on every machine

# By machine: its AUDIT_ARCH, its number of socketpair, and those of what reaches beyond the process: socket,
# connect, bind, listen, ptrace, process_vm_readv, process_vm_writev, bpf, userfaultfd, perf_event_open.
_MACHINES = {
    "x86_64": (0xC000003E, 53, (41, 42, 49, 50, 101, 310, 311, 321, 323, 298)),
    "aarch64": (0xC00000B7, 199, (198, 203, 200, 201, 117, 270, 271, 280, 282, 241)),
}
# io_uring can make sockets of its own; these numbers are the same on every machine.
_IO_URING = (425, 426, 427)
_X32 = 0x40000000  # calls from here on are the same ones under other numbers (x86_64 alone)

_LOAD, _AND, _JUMP_EQUAL, _JUMP_FROM, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06  # BPF, as in linux/bpf_common.h
_SOCKET_KINDS, _STREAM = 0xF, 1  # of a socket's type, the rest are flags
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 1  # SECCOMP_RET_ALLOW; SECCOMP_RET_ERRNO with EPERM

_READ = 0b1101  # execute, read files, read folders
_READ_WRITE = 0b110  # of a file


def enter(limits: Limits, folder: Path) -> tuple[str, ...]:
    """Give up all that reading a file does not need; what the kernel would not take, in words."""
    _narrow_resources(limits)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return ("system calls", "files")
    refused = []
    if not _hide_files(libc, folder):
        refused.append("files")
    if not _filter_calls(libc):
        refused.append("system calls")
    return tuple(refused)


def allow_seconds(cpu: int, wall: int) -> None:
    """The process ends when it takes longer over what it does next, even if nobody waits for it any more.

    With *wall* 0 it may wait for ever.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + cpu + 1, hard))
    signal.alarm(wall)  # 0: no more


def _narrow_resources(limits: Limits) -> None:
    for what, most in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_FSIZE, limits.expanded),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_STACK, _STACK),
    ):
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))
    with contextlib.suppress(OSError):
        os.nice(_NICE)


def _filter_calls(libc: ctypes.CDLL) -> bool:
    """Have the kernel refuse (EPERM) the calls named above. seccomp(2)."""
    machine = platform.machine()
    if machine not in _MACHINES:
        return False
    architecture, pair, calls = _MACHINES[machine]
    refused = (*calls, *_IO_URING)
    # struct seccomp_data: the call's number at 0, the machine at 4, the second argument at 24. A jump says
    # how many steps to leave out. Two streams that are connected reach nobody else, and kreuzberg's runtime
    # wants them.
    steps = [(_LOAD, 0, 0, 4), (_JUMP_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _REFUSE)]
    steps += [(_LOAD, 0, 0, 0), (_JUMP_FROM, 0, 1, _X32), (_RETURN, 0, 0, _REFUSE)]
    for call in refused:
        steps += [(_JUMP_EQUAL, 0, 1, call), (_RETURN, 0, 0, _REFUSE)]
    steps += [(_JUMP_EQUAL, 0, 3, pair), (_LOAD, 0, 0, 24), (_AND, 0, 0, _SOCKET_KINDS)]
    steps += [(_JUMP_EQUAL, 0, 1, _STREAM), (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(program)))
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header, 0, 0) == 0)


def _hide_files(libc: ctypes.CDLL, folder: Path) -> bool:
    """Leave of all files what programs and libraries are made of, to be read, and *folder*. landlock(7)."""
    version = libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    files = (1 << (13 + min(version - 1, 2) + (version >= 5))) - 1
    network = 0b11 if version >= 4 else 0
    scoped = 0b11 if version >= 6 else 0  # no signals to, nor abstract sockets of, processes outside
    attributes = struct.pack("=QQQ", files, network, scoped)[
        : 24 if version >= 6 else 16 if version >= 4 else 8
    ]
    rules = libc.syscall(_LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    if rules < 0:
        return False
    try:
        for path in _readable():
            _allow(libc, rules, path, _READ)
        _allow(libc, rules, Path(os.devnull), _READ_WRITE)
        _allow(libc, rules, folder, files)
        return bool(libc.syscall(_LANDLOCK_RESTRICT, rules, 0) == 0)
    finally:
        os.close(rules)


def _allow(libc: ctypes.CDLL, rules: int, path: Path, access: int) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not path.is_dir():
                access &= 0b111  # what can be done to a file
            rule = struct.pack("=Qi", access, descriptor)
            libc.syscall(_LANDLOCK_ADD, rules, 1, rule, 0)
        finally:
            os.close(descriptor)


def _readable() -> set[Path]:
    """Where Python, Kade, the libraries of the system and its programs are."""
    ours = Path(__file__).resolve().parents[3]
    found = {Path(sys.prefix), Path(sys.base_prefix), ours, *map(Path, sysconfig.get_paths().values())}
    system = ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/localtime", "/dev/urandom")
    found.update(
        map(Path, (*system, "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu"))
    )
    return {path for path in found if path.exists()}
