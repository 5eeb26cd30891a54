"""A browser: Playwright and Debian's chromium; what a page looks like, and whether everybody can use it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, sync_playwright
from tests.support.requirements import ROOT, program

SCREENSHOTS = ROOT / "build" / "screenshots"
PHONE: ViewportSize = {"width": 360, "height": 740}
WIDE: ViewportSize = {"width": 1100, "height": 800}
ALL_LOOKS: Sequence[tuple[Literal["light", "dark"], str]] = (
    ("light", "wide"),
    ("dark", "phone"),
    ("light", "phone"),
    ("dark", "wide"),
)
_AXE = ROOT / "src/kade/portal/frontend/node_modules/axe-core/axe.min.js"
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for a module."""
    with sync_playwright() as playwright:
        with playwright.chromium.launch(executable_path=program("chromium"), args=list(_FLAGS)) as launched:
            yield launched


class Watched:
    """Notes what a page complains of."""

    def __init__(self, page: Page) -> None:
        self.complaints: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _said(self, message: ConsoleMessage) -> None:
        # A status of 400 or more and a line that is cut are told here, too, and are what tests want.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.complaints.append(message.text)


def look(page: Page, name: str, *, thoroughly: bool = False) -> None:
    """Keep pictures of the page: wide and light, dark on a phone, *thoroughly* the other two as well.

    Nothing may stand outside the window, and axe-core must find nothing in any of them.
    """
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    before = page.viewport_size
    for scheme, width in ALL_LOOKS if thoroughly else ALL_LOOKS[:2]:
        size = WIDE if width == "wide" else PHONE
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size(size)
        page.screenshot(path=SCREENSHOTS / f"{name}-{width}-{scheme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], f"{name} {width}"
        assert violations(page) == [], f"{name} {width} {scheme}"
    page.emulate_media(color_scheme="light")
    if before is not None:
        page.set_viewport_size(before)


def violations(page: Page) -> list[tuple[str, list[str]]]:
    """What axe-core finds wrong: rules, and where."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE.read_text(encoding="utf-8"))
    options = {"runOnly": {"type": "tag", "values": _RULES}}
    found: dict[str, Any] = page.evaluate("options => axe.run(document, options)", options)
    return [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found["violations"]]


def written(folder: Path, name: str, content: bytes) -> Path:
    """A file to choose."""
    path = folder / name
    path.write_bytes(content)
    return path
