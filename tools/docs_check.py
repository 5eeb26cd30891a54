"""Fails when something that users meet is undocumented, a link is dead, or a file names what it should not.

What exists is asked of the product itself, so documentation cannot fall behind: settings of kade.config,
error codes and reasons of kade.core.errors, commands and options of kade.cli, operations of every
dialect's OpenAPI document. A part of the product that is not there yet has nothing to document.
"""

import importlib
import importlib.util
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
BINARY = {".png", ".jpg", ".ico", ".pdf", ".woff2", ".gz", ".tar", ".zip"}
# Written as patterns, so that this file does not contain what it looks for.
UNWANTED = {
    "a package registry by name": re.compile(
        r"pypi\.org|pythonhosted\.org|registry\.(?:npmjs|yarnpkg)\.\w+|deb\.debian\.org|crates\.io",
        re.IGNORECASE,
    ),
    "a path of somebody's machine": re.compile(
        r"(?<![\w.:/}-])/(?:home|Users)/\w|(?<![\w.:/}-])/(?:root|work)/\w"
    ),
}
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)(?:\s+\"[^\"]*\")?\)")
HEADING = re.compile(r"^#+\s+(?P<title>.+?)\s*$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
ADR_NAME = re.compile(r"(?P<number>\d{4})-[a-z0-9-]+\.md")


def product(module: str) -> Any | None:
    """A module of the product, or None when it does not exist yet; its own errors are not hidden."""
    try:
        found = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return None
    return importlib.import_module(module) if found else None


def names(text: str, term: str) -> bool:
    """Whether a text has a term as a whole: `size` is not named by `max_size`, nor `/a` by `/a/b`.

    A path may stand behind the prefix it is mounted at.
    """
    before, after = ("", r"(?![\w/-])") if term.startswith("/") else (r"(?<![\w.-])", r"(?!\.?[\w-])")
    return re.search(f"{before}{re.escape(term)}{after}", text) is not None


def unnamed(document: Path, terms: Iterable[str], kind: str) -> Iterator[str]:
    """A sentence for each term that a document does not name."""
    text = document.read_text(encoding="utf-8") if document.exists() else ""
    for term in sorted(set(terms)):
        if not names(text, term):
            yield f"{document.relative_to(ROOT)}: {kind} {term} is undocumented"


def settings() -> Iterator[str]:
    """Every key of the configuration file."""
    config = product("kade.config")
    if config is not None:
        yield from unnamed(ROOT / "docs/operate/configuration.md", config.documented_keys(), "setting")


def errors() -> Iterator[str]:
    """Every error code and reason."""
    module = product("kade.core.errors")
    if module is not None:
        terms = [str(term) for reason in module.REASONS for term in (_value(reason.code), reason)]
        yield from unnamed(ROOT / "docs/errors.md", terms, "error")


def _value(code: Any) -> Any:
    return getattr(code, "value", code)


def commands() -> Iterator[str]:
    """Every command of the command line and every option, looked for below the command's own heading."""
    cli = product("kade.cli")
    if cli is None:
        return
    import typer

    document = ROOT / "docs/cli.md"
    text = document.read_text(encoding="utf-8") if document.exists() else ""
    for command, options in _leaves("kade", typer.main.get_command(cli.app)):
        if not names(text, command):
            yield f"docs/cli.md: command `{command}` is undocumented"
            continue
        section = _section(text, command)
        for option in options:
            if not names(section, option):
                yield f"docs/cli.md: option {option} of `{command}` is undocumented"


def _leaves(path: str, command: Any) -> Iterator[tuple[str, list[str]]]:
    children = getattr(command, "commands", None)
    if children is None:
        parameters = [parameter for parameter in command.params if parameter.param_type_name == "option"]
        yield path, [parameter.opts[0] for parameter in parameters if parameter.name != "help"]
        return
    for name, child in children.items():
        if not child.hidden:
            yield from _leaves(f"{path} {name}", child)


def _section(text: str, command: str) -> str:
    """The text below the heading that names a command, up to the next heading; all of it without one."""
    headings = list(HEADING.finditer(text))
    for place, heading in enumerate(headings):
        if names(heading["title"].replace("`", ""), command):
            end = headings[place + 1].start() if place + 1 < len(headings) else len(text)
            return text[heading.start() : end]
    return text


def endpoints() -> Iterator[str]:
    """Every path of a dialect's OpenAPI document, in docs/dialects/<name>.md; each operation is described."""
    dialects = ROOT / "src/kade/dialects"
    for contract in sorted({*dialects.glob("*/openapi*.y*ml"), *dialects.glob("*/openapi/*.y*ml")}):
        paths: dict[str, dict[str, Any]] = yaml.safe_load(contract.read_text(encoding="utf-8"))["paths"]
        text_file = ROOT / "docs/dialects" / f"{contract.relative_to(dialects).parts[0]}.md"
        yield from unnamed(text_file, paths, "endpoint")
        for path, operations in paths.items():
            for method in METHODS:
                operation = operations.get(method, {"summary": "-"})
                if not (operation.get("summary") or operation.get("description")):
                    yield f"{contract.relative_to(ROOT)}: {method.upper()} {path} has no summary"


def decisions() -> Iterator[str]:
    """ADRs are numbered without gaps; each has its title, status and decision."""
    files = sorted(path for path in (ROOT / "docs/adr").glob("*.md") if path.name != "README.md")
    for expected, path in enumerate(files, start=1):
        where = path.relative_to(ROOT)
        match = ADR_NAME.fullmatch(path.name)
        if match is None or int(match["number"]) != expected:
            yield f"{where}: not named {expected:04d}-words-of-its-title.md"
            continue
        text = path.read_text(encoding="utf-8")
        if not text.startswith(f"# {expected:04d}. "):
            yield f"{where}: its first line is not '# {expected:04d}. title'"
        if not re.search(
            r"^Status: (?:proposed|accepted|superseded by \d{4}), \d{4}-\d\d-\d\d$", text, re.MULTILINE
        ):
            yield f"{where}: no line 'Status: accepted, YYYY-MM-DD'"
        if "\n## Decision\n" not in text:
            yield f"{where}: no section '## Decision'"


def links() -> Iterator[str]:
    """Every link of a Markdown file to another file, or to a heading, leads somewhere."""
    for path in tracked():
        if path.suffix != ".md":
            continue
        text = FENCE.sub("", path.read_text(encoding="utf-8"))
        for match in LINK.finditer(text):
            target = match["target"]
            if not re.match(r"[a-z+]+:", target) and not _leads_somewhere(path, target):
                yield f"{path.relative_to(ROOT)}: the link to {target} leads nowhere"


def _leads_somewhere(source: Path, target: str) -> bool:
    name, _, anchor = target.partition("#")
    file = (source.parent / name) if name else source
    if not file.exists() or not anchor or file.suffix != ".md":
        return file.exists()
    titles = (match["title"] for match in HEADING.finditer(file.read_text(encoding="utf-8")))
    return anchor in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def unwanted() -> Iterator[str]:
    """No tracked file names a package registry or a path of the machine it was written on."""
    for path in tracked():
        if path.suffix in BINARY:
            continue
        for number, line in enumerate(
            path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1
        ):
            for kind, pattern in UNWANTED.items():
                if pattern.search(line):
                    yield f"{path.relative_to(ROOT)}:{number}: names {kind}: {line.strip()[:80]}"


def tracked() -> list[Path]:
    """Files under version control, and new ones that are not ignored."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True)
    files = (ROOT / name for name in done.stdout.split("\0") if name)
    return [path for path in files if path.is_file() and not path.is_symlink()]


CHECKS: list[Callable[[], Iterator[str]]] = [
    settings,
    errors,
    commands,
    endpoints,
    decisions,
    links,
    unwanted,
]


def main() -> int:
    """Print what is wrong; 1 when something is."""
    findings = [finding for check in CHECKS for finding in check()]
    for finding in findings:
        print(finding)
    print(f"{len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
