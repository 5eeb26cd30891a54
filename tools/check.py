"""Every check that needs no running server, in one go: `make check`. Each says how it went, and its time."""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
PYTHON_FOLDERS = [name for name in ("src", "tests", "tools", "bench") if (ROOT / name).is_dir()]

STEPS: dict[str, list[str]] = {
    "lint": [str(BIN / "ruff"), "check", "--quiet"],
    "format": [str(BIN / "ruff"), "format", "--check", "--quiet"],
    "types": [str(BIN / "mypy"), *PYTHON_FOLDERS],
    "import contracts": [str(BIN / "lint-imports"), "--config", ".importlinter"],
    "shape budget": [sys.executable, "-m", "tools.shape_budget"],
    "documentation": [sys.executable, "-m", "tools.docs_check"],
}
# What a step prints is worth reading when it failed; this one's table always is.
SHOWN = {"shape budget"}


def run(name: str, command: list[str]) -> bool:
    """Run one step and say how it went; its output follows when it failed."""
    began = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    passed = done.returncode == 0
    print(f"{name:<17} {'ok' if passed else 'FAILED':<7} {time.monotonic() - began:5.1f} s", flush=True)
    if not passed or name in SHOWN:
        print((done.stdout + done.stderr).rstrip(), flush=True)
    return passed


def main() -> int:
    """Run every step, also after one failed, so that one run shows all there is to mend."""
    began = time.monotonic()
    failed = [name for name, command in STEPS.items() if not run(name, command)]
    verdict = f"failed: {', '.join(failed)}" if failed else "all passed"
    print(f"check: {verdict} in {time.monotonic() - began:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
