"""The documentation's example requests of Filer, run by Debian's php and by curl in a shell."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.dialects.filer.house import House, running_house
from tests.dialects.filer.page import IMAGES, KEY, fill_page
from tests.support.extraction import FILES
from tests.support.filer_page import (
    ANSWERS,
    BY_NAME,
    CUSTOMER,
    EXAMPLES,
    FILE,
    GROUP,
    MAILBOX,
    PLAIN,
    Example,
    differs,
)
from tests.support.requirements import program

Run = Callable[[Example, dict[str, str | int]], Awaitable[Any]]
ORDER = (
    *("add", "search", "download", "attachments", "content", "change", "information", "changes"),
    *("folder", "synchronize", "list", "rename", "delete"),
)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with running_house(tmp_path) as made:
        await fill_page(made)
        yield made


async def output(*command: str, status: int = 0) -> str:
    """What a program prints; the server runs on meanwhile."""
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == status, (process.returncode, out, err)
    return out.decode()


async def php(house: House, example: Example, who: dict[str, str | int], *, mended: bool = False) -> Any:
    """What the block of PHP is answered."""
    script = house.kade.config.data.folder / "example.php"
    script.write_text(example.php(house.base, who, mended=mended))
    return json.loads(await output(program("php"), "-d", "extension=curl", str(script)))


async def play(house: House, run: Run) -> None:
    """Every request in an order in which each succeeds, each by the handshake of the one before."""
    key: dict[str, str | int] = {"CustomerID": CUSTOMER, "SecretKey": KEY}
    assert not differs(await run(BY_NAME["initialize"], key), PLAIN)
    # That one is for one group; the search asks for two.
    both = Example("initialize", "POST", "/Handshake/Initialize/", {"FileGroups": [GROUP, MAILBOX]}, True)
    told = await run(both, key)
    adding = {**BY_NAME["add"].said, "FilePath": FILE.replace(".xls", ".pdf"), "CustomID": "5883740"}
    adding["Meta"] = '{"extra": "a file"}'
    also = Example("add", "POST", "/File/Add/", adding, in_body=True)
    answers: dict[str, Any] = {}
    for example in (also, *(BY_NAME[name] for name in ORDER)):
        who: dict[str, str | int] = {"CustomerID": CUSTOMER, "Handshake": told["Handshake"]}
        before, told = told, await run(example, who)
        assert told["Status"] == "Success", (example.name, told)
        assert told["Handshake"] != before["Handshake"] and len(told["Handshake"]) == 100
        answers[example.name] = told
        if example.name == "add":
            await house.settle()
        if example.name == "information":
            assert told["Information"][0]["Meta"] == BY_NAME["change"].said["Meta"]
    check(answers)


def check(answers: dict[str, Any]) -> None:
    found = answers["search"]["Results"]
    assert sorted(each["CustomID"] for each in found["Files"]) == ["5883739", "5883740"]
    assert found["Files"][0]["Path"] == {"Show": "Filer example directory", "Real": "GOFSERV001\\directory"}
    snippets = [each["Snippet"] for each in found["Files"]]
    assert all("<snip>Filer</snip>" in each for each in snippets), snippets
    sent = base64.b64decode(answers["download"]["File"]["Base64"], validate=True)
    assert sent == (FILES / "omzet.xls").read_bytes()
    attached = answers["attachments"]["Attachments"]
    assert {name: base64.b64decode(each["Base64"]) for name, each in attached.items()} == IMAGES
    assert "Filer is awesome" not in answers["content"]["Content"]
    assert answers["information"]["Information"][0]["Tags"] == [
        "Tag1_changed",
        "Tag2_changed",
        "Tag3_changed",
    ]
    assert answers["list"]["Files"] == {"Example group": ["example.xls", "example2.xls"]}
    assert answers["list"]["Subdirectories"] == {
        "Example group": [rf"\\GOFSERV001\subdirectory\subdirectory{number}" for number in (2, 3)]
    }
    # The file is called otherwise by then.
    assert [each["Code"] for each in answers["delete"].pop("Warnings")] == [2]
    for name, told in answers.items():
        shape = ANSWERS.get(name, PLAIN)
        if name == "search":
            continue  # the second file's Meta has other keys; test_shapes.py compares them
        assert not differs(told, shape), name


@pytest.mark.needs("php", "php-curl")
async def test_the_blocks_of_php(house: House) -> None:
    async def run(example: Example, who: dict[str, str | int]) -> Any:
        return await php(house, example, who, mended=bool(example.slips - {"by-put"}))

    await play(house, run)


@pytest.mark.needs("php", "php-curl")
async def test_the_blocks_that_send_nothing_are_told_so(house: House) -> None:
    """Two blocks make their parameters and leave them out of the URL."""
    who: dict[str, str | int] = {"CustomerID": CUSTOMER, "Handshake": "API_" + 96 * "a"}
    told = await php(house, BY_NAME["download"], who)
    assert list(told) == ["Status", "Error", "Code"]
    assert (told["Status"], told["Code"]) == ("Error", 0)


@pytest.mark.needs("php", "php-curl")
async def test_the_block_that_is_no_php_asks_nothing(house: House) -> None:
    script = house.kade.config.data.folder / "example.php"
    example = BY_NAME["attachments"]
    script.write_text(example.php(house.base, {"CustomerID": CUSTOMER, "Handshake": "x"}))
    assert "Parse error" in await output(program("php"), "-d", "display_errors=1", str(script), status=255)


@pytest.mark.needs("curl")
async def test_the_lines_for_a_shell(house: House) -> None:
    """With ``--data-urlencode`` in the place of ``-d``."""

    async def run(example: Example, who: dict[str, str | int]) -> Any:
        return json.loads(await output("sh", "-c", example.curl(house.base, who)))

    await play(house, run)


@pytest.mark.needs("curl")
async def test_lines_with_raw_spaces_do_not_leave_curl(house: House) -> None:
    """Why the lines cannot be used as they stand."""
    spaced = [each for each in EXAMPLES if any(" " in str(value) for value in each.said.values())]
    who: dict[str, str | int] = {"CustomerID": CUSTOMER, "Handshake": "x"}
    for example in spaced:
        assert await output("sh", "-c", example.curl(house.base, who, "-d"), status=3) == ""
