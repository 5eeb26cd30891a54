"""`kade doctor`: whether everything that was entrusted to this Kade is there and right."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kade.cli import house, premises
from kade.cli.errors import printable
from kade.cli.remote import Json, Quiet, print_json

if TYPE_CHECKING:
    from kade.app import Kade
    from kade.services.soundness import Finding

_LEAST_GRACE_MS = 60_000  # what was touched within a minute may still be written by a running server
_SHOWN = 1000  # findings that are printed; all are counted


@dataclass(frozen=True)
class Diagnosis:
    """What was found, and which of it was mended."""

    findings: list[tuple[Finding, bool]]
    examined: dict[str, int]
    counts: Counter[str]


def doctor(
    context: typer.Context,
    digests: Annotated[
        bool, typer.Option("--digests", help="Read every stored byte again and compare its digest.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what can be mended without losing anything.")
    ] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Prove that store, catalog, index and journal agree, beside a running server or without one.

    The exit code is 1 when an error is found that was not mended; warnings and remarks do not count.
    """
    diagnosis = house.inside(context, lambda kade: _examine(kade, digests, repair, quiet or as_json))
    if as_json:
        print_json(_json(diagnosis))
    else:
        _print(diagnosis)
    if diagnosis.counts["error"]:
        raise typer.Exit(1)


async def _examine(kade: Kade, digests: bool, repair: bool, quiet: bool) -> Diagnosis:
    from rich.console import Console
    from rich.progress import Progress, TextColumn

    from kade.services import index_soundness
    from kade.services.doctoring import Doctoring
    from kade.services.installing import local_operator

    console = Console(stderr=True)
    bars = Progress(
        TextColumn("{task.description}", markup=False),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
    task = bars.add_task("")
    examined: dict[str, int] = {}

    def progress(what: str, done: int) -> None:
        examined[what] = done
        bars.update(task, description=f"{what}: {done}")

    grace = max(round(kade.config.storage.grace * 1000), _LEAST_GRACE_MS)
    doctoring = Doctoring(kade.catalog, kade.store, kade.digesting, grace, progress=progress)
    caller = await kade.catalog.read(local_operator) if repair else None
    at_home = [*premises.examine(kade.config), *await premises.examine_sealed(kade)]
    findings: list[tuple[Finding, bool]] = [(each, False) for each in at_home]
    counts: Counter[str] = Counter(each.severity for each, _ in findings)

    def note(finding: Finding, mended: bool) -> None:
        counts["mended" if mended else finding.severity] += 1
        if len(findings) < _SHOWN:
            findings.append((finding, mended))

    with bars:
        async for finding in doctoring.examine(digests=digests):
            note(finding, caller is not None and await doctoring.mend(caller, finding))
        async for finding in index_soundness.compared(
            kade.catalog, kade.index, lambda done: progress("index entries", done)
        ):
            note(finding, repair and await index_soundness.mend(kade.catalog, kade.index, finding))
    return Diagnosis(findings, examined, counts)


def _json(diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        "sound": diagnosis.counts["error"] == 0,
        "errors": diagnosis.counts["error"],
        "warnings": diagnosis.counts["warning"],
        "mended": diagnosis.counts["mended"],
        "examined": diagnosis.examined,
        "findings": [{**finding._asdict(), "mended": mended} for finding, mended in diagnosis.findings],
    }


def _print(diagnosis: Diagnosis) -> None:
    for finding, mended in diagnosis.findings:
        verdict = "mended" if mended else finding.severity
        typer.echo(printable(f"{verdict:<8} {finding.code:<22} {finding.subject}: {finding.detail}"))
    counts = diagnosis.counts
    examined = ", ".join(f"{done} {what}" for what, done in diagnosis.examined.items())
    typer.echo(f"examined {examined}")
    verdict = "all is well" if counts["error"] == 0 else "something is wrong"
    typer.echo(
        f"{verdict}: {counts['error']} errors, {counts['warning']} warnings, {counts['mended']} mended"
    )
