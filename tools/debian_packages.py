"""Debian packages that tests and benchmarks need: which are missing, and their installation as root.

The list is tools/debian-packages.txt; tests/support/requirements.py reads the same one.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).with_name("debian-packages.txt")
# Debian keeps daemons such as nginx in the sbin folders, which an ordinary user's path leaves out.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/usr/bin"])
START_POLICY = Path("/usr/sbin/policy-rc.d")


@dataclass(frozen=True)
class DebianPackage:
    """One line of the list: a package, the name by which tests ask for it, and the program that proves it.

    A proof with a slash is a file instead, for what is no program.
    """

    name: str
    need: str
    program: str
    used_by: str

    def path(self) -> str | None:
        """Where its program or file is, or None when it is missing."""
        if "/" in self.program:
            return self.program if Path(self.program).exists() else None
        return shutil.which(self.program, path=SEARCH_PATH)


def packages() -> list[DebianPackage]:
    """All packages of the list, in its order."""
    lines = LIST.read_text(encoding="utf-8").splitlines()
    rows = (line.split(maxsplit=3) for line in lines if line.strip() and not line.startswith("#"))
    return [DebianPackage(*row) for row in rows]


@contextmanager
def no_daemon_starts() -> Iterator[None]:
    """Keep apt from starting what it installs: tests start their own nginx on a free port.

    Debian asks /usr/sbin/policy-rc.d before a package starts a service; 101 means "not allowed".
    """
    if START_POLICY.exists():
        yield
        return
    START_POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
    START_POLICY.chmod(0o755)
    try:
        yield
    finally:
        START_POLICY.unlink()


def install(names: list[str]) -> bool:
    """Install packages with apt-get, silently unless it fails; True when all went well."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "--quiet", "--yes", "-o", "DPkg::Lock::Timeout=120"]
    with no_daemon_starts():
        for command in ([*apt, "update"], [*apt, "install", "--no-install-recommends", *names]):
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"programs: {' '.join(command)} failed:\n{done.stdout}{done.stderr}", file=sys.stderr)
    return not [package for package in packages() if package.name in names and package.path() is None]


def main() -> int:
    """Install what is missing when that is possible, and say what is not there."""
    missing = [package.name for package in packages() if package.path() is None]
    if not missing:
        return 0
    listed = " ".join(missing)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"programs: absent, so tests that need them cannot run: {listed}")
        return 0
    print(f"programs: installing {listed}", flush=True)
    return 0 if install(missing) else 1


if __name__ == "__main__":
    sys.exit(main())
