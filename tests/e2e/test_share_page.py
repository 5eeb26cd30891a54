"""Somebody without an account fetches what was shared with them, in a browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.support.browser import WIDE, Watched, look
from tests.support.kade_server import KadeServer
from tests.support.requests import Office

pytestmark = pytest.mark.needs("chromium", "fonts")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KadeServer]:
    with KadeServer(tmp_path_factory.mktemp("shares") / "data") as running:
        yield running


def test_what_is_shared_is_fetched(browser: Browser, server: KadeServer, tmp_path: Path) -> None:
    office = Office(server.config)
    token = office.share({"minutes of the meeting.txt": b"minutes", "budget 2027.csv": b"a;b\n" * 500})
    with browser.new_context(locale="en-GB", viewport=WIDE, accept_downloads=True) as context:
        page = context.new_page()
        watched = Watched(page)
        page.goto(f"http://127.0.0.1:{server.web_port}/s/{token}")
        expect(page.get_by_role("heading", level=1)).to_have_text("Shared files")
        look(page, "17-shared", thoroughly=True)
        with page.expect_download() as begun:
            page.get_by_role("link", name="Download minutes of the meeting.txt").click()
        assert begun.value.suggested_filename == "minutes of the meeting.txt"
        begun.value.save_as(tmp_path / "fetched")
        page.goto(f"http://127.0.0.1:{server.web_port}/s/{'0' * 40}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert (tmp_path / "fetched").read_bytes() == b"minutes"
    assert watched.complaints == []
