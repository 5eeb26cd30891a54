"""Answers as the documentation prints them: keys in their order, types, both kinds of files found."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from tests.dialects.filer.house import House, make_example, running_house, unc
from tests.dialects.filer.page import KEY, fill_page
from tests.support.dovecot import PASSWORD, Box, running_dovecot
from tests.support.filer_page import ANSWERS, FOUND_FILE, FOUND_MAIL, GROUP, MAILBOX, differs

from kade.auth.sealing import SERVICE_SECRET
from kade.core.sources import ServiceKind
from kade.services import customers, groups

MAIL = b"""From: Filer <info@example.org>
To: Filer <info@example.org>
Cc: Second <second@example.org>
Bcc: Third <third@example.org>
Subject: Re: Filer
Date: Thu, 21 Nov 2024 14:53:40 +0100
Message-ID: <1.2@mail.example.org>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=x

--x
Content-Type: text/plain

An example e-mail sent by Filer to demonstrate the API.
--x
Content-Type: image/png
Content-Disposition: attachment; filename=Filer.png; creation-date="Tue, 19 Nov 2024 21:32:40 +0000"
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--x--
"""
TOP = ("Durations", "Pagination", "ShownResults")


async def mailbox(house: House, box: Box) -> None:
    """Fill the second group from a mailbox."""
    one = await house.kade.catalog.read(lambda tx: customers.numbered(tx, 2434))
    group = await house.kade.catalog.read(lambda tx: groups.find(tx, one, MAILBOX))
    where = await house.installation("GOF002")
    secret = house.kade.sealer.seal(PASSWORD.encode(), SERVICE_SECRET)
    trust = json.dumps({"authorities": str(box.authorities)})
    name, kind = "info@example.org", ServiceKind.MAILBOX
    service = await house.service(where, name, kind, box.tls, secret=secret, settings=trust)
    assert group is not None
    await house.source(group, service, "INBOX")
    await house.settle()


@pytest.mark.needs("dovecot")
async def test_what_a_search_finds_in_a_folder_and_in_a_mailbox(tmp_path: Path) -> None:
    async with running_dovecot(tmp_path) as box, running_house(tmp_path / "data") as house:
        box.deliver("INBOX", MAIL)
        await fill_page(house)
        await mailbox(house, box)
        client = await house.client(key=KEY).begin()
        said = {"CustomID": "5883739", "Meta": '{"extra": "test file"}', "Tags": ["Filer", "Tag2"]}
        path = unc("GOFSERV001", "directory", "example.pdf")
        await client.done("POST", "/File/Add/", FilePath=path, **said)
        await house.settle()
        await client.done("DELETE", "/File/Delete/", FilePath=path)
        await house.settle()
        told = await client.search("Filer year:2024 -folder", SortBy="Date")
        assert told["Results"]["Count"] == 2, told
        by_type = {each["Type"]: each for each in told["Results"]["Files"]}
        file, mail = by_type["FILE"], by_type["EMAIL"]
        whole = {**FOUND_FILE, "Attachments": {"Count": int, "Items": [dict.fromkeys(ITEM, str) | OFFERED]}}
        assert not differs(file, whole) and not differs(mail, {**FOUND_MAIL})
        assert not differs(told, ANSWERS["search"])
        assert (file["Deleted"], file["Downloadable"], file["TagsFound"]) == (True, True, ["Filer"])
        assert file["Path"] == {"Show": "Filer example directory", "Real": "GOFSERV001\\directory"}
        assert (file["LastModified"], file["Meta"]) == ("2024-11-21T15:13:40Z", {"extra": "test file"})
        assert mail["Path"] == ["GOF002", "info@example.org", "INBOX"]
        assert (mail["Author"], mail["LastModified"]) == ("Filer info@example.org", "2024-11-21T13:53:40Z")
        assert mail["Name"] == "Re: Filer - 1732197220.eml"
        assert mail["Properties"]["CC"] == [{"Name": "Second", "Address": "second@example.org"}]
        item = {"Name": "Filer.png", "Downloadable": True, "CreationDate": "2024-11-19T21:32:40Z"}
        assert mail["Attachments"] == {"Count": 1, "Items": [item]}
        answer = await client.done(
            "GET", "/File/Information/", CustomID=mail["CustomID"], FileGroups=[MAILBOX]
        )
        (known,) = answer["Information"]
        assert (known["Type"], known["Properties"]) == ("EMAIL", mail["Properties"])


ITEM = ("Name", "Downloadable", "CreationDate")
OFFERED = {"Downloadable": bool}


async def test_information_changes_and_folders(house: House) -> None:
    """As printed; the rest of the requests is compared in the interop tests."""
    await fill_page(house)
    client = await house.client(key=KEY).begin()
    path = unc("GOFSERV001", "directory", "example.pdf")
    await client.done("POST", "/File/Add/", FilePath=path, Meta='{"b": 1.0, "a": [ ]}', ExtraContent="more")
    await house.settle()
    await client.done("DELETE", "/File/Delete/", FilePath=path)
    told = await client.done("GET", "/File/Information/", FilePath=path)
    assert not differs(told, ANSWERS["information"])
    (known,) = told["Information"]
    assert (known["Meta"], known["ExtraContent"]) == ('{"b": 1.0, "a": [ ]}', "more")
    assert (known["Deleted"], known["Processed"], known["InDictionary"], known["InAPIQueue"]) == (
        True,
        1,
        1,
        0,
    )
    told = await client.done("GET", "/File/List/Changes/", MinuteWindow=5)
    assert not differs(told, ANSWERS["changes"]) and len(told["Files"]) == 5
    assert path in [each["FilePath"] for each in told["Files"]]
    folder = unc("GOFSERV001", "subdirectory")
    told = await client.done("GET", "/Directory/Information/", Directory=folder, FileGroups=[GROUP])
    assert not differs(told, ANSWERS["folder"])
    told = await client.done("GET", "/Directory/List/", Directory=folder, FileGroups=[MAILBOX, GROUP])
    assert list(told["Files"]) == list(told["Subdirectories"]) == [MAILBOX, GROUP]
    assert told["Files"][MAILBOX] == told["Subdirectories"][MAILBOX] == []


async def test_pages_sorts_and_limits(house: House) -> None:
    names = [f"{letter}.txt" for letter in "abcdefghijklm"]
    await make_example(house, names)
    for size, name in enumerate(names, 1):
        house.put(f"GOFSERV001/directory/{name}", size * "Filer searches. ")
    await house.walk()
    client = await house.client().begin()

    async def page(**said: Any) -> tuple[list[str], Any, Any]:
        told = await client.search("Filer", **said)
        assert told["Results"]["Count"] == 13
        found = [each["Name"] for each in told["Results"]["Files"]]
        return found, told["Pagination"], told["ShownResults"]

    found, pagination, shown = await page()
    assert (len(found), pagination, shown) == (13, None, {"Min": 1, "Max": 13})
    found, pagination, shown = await page(SortBy="FileSize", Limit=5)
    assert found == names[:-6:-1] and shown == {"Min": 1, "Max": 5}
    assert pagination == {"Page": 1, "Pages": 3, "Limit": 5, "Previous": None, "Next": 2}
    found, pagination, shown = await page(SortBy="filesize", SortOrder="asc", Limit=5, Page=3)
    assert found == names[10:] and shown == {"Min": 11, "Max": 13}
    assert pagination == {"Page": 3, "Pages": 3, "Limit": 5, "Previous": 2, "Next": None}
    found, pagination, shown = await page(Limit=5, Page=9)
    assert (found, shown) == ([], {"Min": 0, "Max": 0})
    assert (await page(Limit=1))[0] == (await page(Limit=5))[0]
    every = [(await page(Limit=5, Page=number))[0] for number in (1, 2, 3)]
    assert sorted(itertools.chain(*every)) == names
    assert len((await page(Limit=100_000))[0]) == 13
    told = await client.search("nothingofthekind")
    assert told["Results"] == {"Count": 0, "Files": []}
    assert (told["Pagination"], told["ShownResults"], "Warnings" in told) == (
        None,
        {"Min": 0, "Max": 0},
        False,
    )


async def test_the_fields_that_were_asked_for(example: House) -> None:
    """Every field alone, every pair of one at the top and one of an item, in whatever case."""
    client = await example.client().begin()
    for top, field in itertools.product((None, *TOP), (None, *FOUND_FILE)):
        asked = [each for each in (top, field) if each]
        told = await client.search("Filer", ReturnFields=asked)
        if not asked:
            assert list(told)[2:] == ["Results", "Pagination", "ShownResults", "Durations"]
            continue
        assert list(told) == ["Status", "Handshake", "Results", *([top] if top else [])], asked
        assert told["Results"]["Count"] == 1
        assert [list(each) for each in told["Results"]["Files"]] == ([[field]] if field else [])
    everything = [*map(str.upper, FOUND_FILE), *TOP]
    told = await client.search("Filer", ReturnFields=everything[::-1])
    assert list(told["Results"]["Files"][0]) == list(FOUND_FILE)
    assert set(told) == {"Status", "Handshake", "Results", *TOP}
