"""A partner with a browser that has the certificate: Playwright and Debian's chromium."""

import hashlib
import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Error
from tests.support import raw_tus
from tests.support.pki import Identity
from tests.support.quay import DOWNLOAD, UPLOAD, Partner

pytestmark = pytest.mark.needs("chromium")

_UPLOAD = """async ([endpoint, size]) => {
  const data = new Uint8Array(size).map((_, index) => index % 251);
  const tus = {"Tus-Resumable": "1.0.0"};
  const created = await fetch(endpoint, {
    method: "POST",
    headers: {...tus, "Upload-Length": String(size), "Upload-Metadata": "filename " + btoa("web.bin")},
  });
  const location = created.headers.get("Location");
  const patched = await fetch(location, {
    method: "PATCH",
    headers: {...tus, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"},
    body: data,
  });
  return [created.status, patched.status, patched.headers.get("Upload-Offset"), location];
}"""


def context_of(browser: Browser, partner: Partner, identity: Identity, folder: Path) -> BrowserContext:
    files = identity.write(folder, "browser")
    return browser.new_context(
        ignore_https_errors=True,
        client_certificates=[
            {
                "origin": partner.server.exchange_url,
                "certPath": str(files.certificate),
                "keyPath": str(files.key),
            }
        ],
    )


def test_downloads_and_uploads(browser: Browser, partner: Partner, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    with partner.connect() as connection:
        created = raw_tus.create(
            connection, UPLOAD, len(data), metadata={"filename": "<img src=x>.html", "filetype": "text/html"}
        )
        target = raw_tus.target_of(created)
        assert raw_tus.patch(connection, target, 0, data).status == 204
    base = partner.server.exchange_url
    with context_of(browser, partner, partner.user.identity, tmp_path) as context:
        page = context.new_page()
        with page.expect_download() as waiting:
            with pytest.raises(Error):  # the page never shows: the file is an attachment
                page.goto(f"{base}{target.replace(UPLOAD, DOWNLOAD)}")
        assert hashlib.sha256(waiting.value.path().read_bytes()).digest() == hashlib.sha256(data).digest()
        page.goto(f"{base}{DOWNLOAD}/nothing-here")
        created_status, patched, offset, location = page.evaluate(_UPLOAD, [f"{base}{UPLOAD}", 1_000_000])
        assert (created_status, patched, offset) == (201, 204, "1000000")
    assert len(partner.download(location).body) == 1_000_000


def test_a_certificate_that_nobody_registered_gets_nothing(
    browser: Browser, partner: Partner, tmp_path: Path
) -> None:
    stranger = partner.server.authority.issue_client("stranger")
    with context_of(browser, partner, stranger, tmp_path) as context:
        page = context.new_page()
        response = page.goto(f"{partner.server.exchange_url}{DOWNLOAD}/anything")
        assert response is not None
        assert response.status == 401
