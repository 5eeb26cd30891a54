"""Style and scripts: named by their content, cached for ever; what is missing is said."""

from pathlib import Path

import pytest
from tests.portal.house import House
from tests.support.requests import CONTRACT

from kade.portal.assets import Assets, NotBuiltError


async def test_they_are_cached_for_ever(house: House) -> None:
    assets = Assets("/assets")
    kinds = {"page.css": "text/css", "page.js": "text/javascript", "request.js": "text/javascript"}
    for name, kind in kinds.items():
        url = assets.url(name)
        assert url in (await house.get(await house.ask(CONTRACT))).text
        answer = await house.send("GET", url)
        assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (200, kind)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        again = await house.send("GET", url, headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status in (200, 304)
    licences = await house.send("GET", "/assets/licenses.txt")
    assert "tus-js-client" in licences.text


async def test_nothing_else_is_served(house: House) -> None:
    for name in (
        "manifest.json",
        "sources.sha256",
        "..%2fassets.py",
        "%2e%2e%2f__init__.py",
        "nothing.js",
        "",
    ):
        assert (await house.send("GET", f"/assets/{name}")).status == 404, name


def test_pages_that_are_not_built_say_so(tmp_path: Path) -> None:
    with pytest.raises(NotBuiltError, match="make frontend"):
        Assets("/assets", tmp_path).url("page.css")
