"""Who may what: each request by everybody who may not, told as if there were nothing.

Past holes of others on this surface: files of another customer by their path or id, a prefix of a folder
taken for the folder, rights that outlive their key or their account, limits by what a client says of itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from tests.dialects.filer import world
from tests.dialects.filer.house import House, make_example, running_house, unc
from tests.support.filer_client import FilerClient

from kade.core.ports import Tx
from kade.services import customers, handshakes, principals
from kade.services.installing import local_operator

pytestmark = pytest.mark.asyncio(loop_scope="module")
THEIRS, NOT_THERE = unc("GOFSERV001", "foreign", "a.txt"), unc("GOFSERV001", "nowhere", "a.txt")
OWN = world.automatic("a.txt")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with running_house(tmp_path_factory.mktemp("rights")) as made:
        await world.fill(made)
        yield made


def requests(path: str, custom_id: str, group: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Every request that names a file, a folder or a group, for these."""
    folder = path.rpartition("\\")[0]
    one, many = {"FileGroup": group}, {"FileGroups": [group]}
    named: list[tuple[str, str, dict[str, Any]]] = []
    for file in ({"FilePath": path}, {"CustomID": custom_id}):
        named += [
            ("GET", "/File/Download/", {**file, **one}),
            ("GET", "/File/Download/Attachments/", {**file, **one, "AttachmentNames": ["a"]}),
            ("GET", "/File/Content/", {**file, **one}),
            ("PUT", "/File/Change/", {**file, **one, "Tags": ["tag"]}),
            ("PUT", "/File/Change/", {**file, "Tags": ["tag"]}),
            ("PUT", "/File/Rename/", {**file, **one, "FilePathNew": folder + "\\b.txt"}),
            ("PUT", "/File/Rename/", {**file, "FilePathNew": folder + "\\b.txt"}),
            ("DELETE", "/File/Delete/", {**file, **one, "Forced": 1}),
            ("DELETE", "/File/Delete/", {**file, "Forced": 1}),
            ("GET", "/File/Information/", {**file, **many}),
            ("GET", "/File/Information/", file),
        ]
    return [
        *named,
        ("GET", "/Search/", {"Search": "secret", **many, "ReturnFields": ["Name"]}),
        ("GET", "/Search/", {"Search": "secret", "ReturnFields": ["Name"]}),
        ("POST", "/File/Add/", {"FilePath": path, **one}),
        ("POST", "/File/Add/", {"FilePath": path}),
        ("GET", "/File/List/Changes/", {"MinuteWindow": 1440, **many}),
        ("GET", "/Directory/Information/", {"Directory": folder, **many}),
        ("GET", "/Directory/Information/", {"Directory": folder}),
        ("PUT", "/Directory/Synchronize/", {"Directory": folder, **many}),
        ("PUT", "/Directory/Synchronize/", {"Directory": folder}),
        ("GET", "/Directory/List/", {"Directory": folder, **many}),
        ("GET", "/Directory/List/", {"Directory": folder}),
        ("DELETE", "/FileGroup/Delete/", {"FileGroup": group}),
    ]


async def told(client: FilerClient, request: tuple[str, str, dict[str, Any]], *words: str) -> str:
    """What is answered, without the handshake and without what the request said itself."""
    method, path, said = request
    answer = (await client.call(method, path, **said)).json
    answer.pop("Handshake", None)
    text = str(answer)
    for word in words:
        text = text.replace(word, "?").replace(word.replace("\\", "\\\\"), "?")
    return text


async def id_of(house: House, number: int, path: str, group: str) -> str:
    client = await house.client(number, world.key_of(number)).begin()
    (known,) = (await client.done("GET", "/File/Information/", FilePath=path, FileGroups=[group]))[
        "Information"
    ]
    return str(known["CustomID"])


async def test_what_another_customer_has_is_as_if_it_were_not_there(house: House) -> None:
    custom_id = await id_of(house, world.OTHER, THEIRS, world.FOREIGN)
    client = await house.client(world.ONE, world.key_of(world.ONE)).begin()
    theirs = requests(THEIRS, custom_id, world.FOREIGN)
    nothing = requests(NOT_THERE, "no-such-id", "Nowhere")
    for real, made_up in zip(theirs, nothing, strict=True):
        seen = await told(client, real, THEIRS, custom_id, world.FOREIGN)
        assert seen == await told(client, made_up, NOT_THERE, "no-such-id", "Nowhere"), real
    await house.settle()
    owner = await house.client(world.OTHER, world.key_of(world.OTHER)).begin()
    assert await id_of(house, world.OTHER, THEIRS, world.FOREIGN) == custom_id
    assert await owner.names("secret") == ["a.txt"]


async def test_what_is_beyond_a_handshake_is_as_if_it_were_not_there(house: House) -> None:
    """A group that exists is told apart by its number, 203, to its own customer only; its files are not."""
    custom_id = await id_of(house, world.ONE, OWN, world.EXAMPLE)
    client = await house.client(world.ONE, world.key_of(world.ONE)).begin(world.PLAIN)
    hidden, nothing = (
        requests(OWN, custom_id, world.EXAMPLE),
        requests(NOT_THERE, "no-such-id", world.EXAMPLE),
    )
    for real, made_up in zip(hidden, nothing, strict=True):
        if real[1] == "/FileGroup/Delete/":
            continue  # management is the customer's, whatever the handshake is for
        names = {"FileGroup", "FileGroups"} & set(real[2])
        seen = await told(client, real, OWN, custom_id)
        assert seen == await told(client, made_up, NOT_THERE, "no-such-id"), real
        if names:
            assert "'Code': 203" in seen, (real, seen)
    whole = await house.client(world.ONE, world.key_of(world.ONE)).begin()
    assert "a.txt" in await whole.names("invoices")


async def test_downloads_that_are_not_allowed(house: House) -> None:
    """By the account and by the group; content is text, and may be read."""
    for number, group in ((world.NO_DOWNLOADS, world.EXAMPLE), (world.ONE, world.LOCKED)):
        client = await house.client(number, world.key_of(number)).begin()
        path = unc("GOFSERV001", "locked", "a.txt")
        for request in requests(path, "x", group)[:2]:
            assert "'Code': 149" in await told(client, request), request
        content = await client.done("GET", "/File/Content/", FilePath=path, FileGroup=group)
        assert content["Content"].strip() == "Nobody fetches this."


HOW = ("blocked", "key", "handshake", "made up")


@pytest.mark.parametrize("how", HOW)
async def test_every_request_dies_with_the_right(house: House, how: str) -> None:
    """Stale rights: nothing outlives account, key or handshake, and no file is touched."""
    number = 3000 + HOW.index(how)
    customer = await house.customer(number, world.key_of(number))
    where = await house.installation(f"GOF{number}")
    service = await house.service(where, f"GOFSERV{number}")
    house.put(f"GOFSERV{number}/foreign/a.txt", "A secret to be kept.")
    await house.source(await house.group(customer, "Kept", where), service, "foreign")
    await house.settle()
    path = unc(f"GOFSERV{number}", "foreign", "a.txt")
    custom_id = await id_of(house, number, path, "Kept")
    client = await house.client(number, world.key_of(number)).begin()

    def revoke(tx: Tx) -> None:
        for held in handshakes.of_customer(tx, customer) if how == "handshake" else ():
            handshakes.revoke(tx, local_operator(tx), held)
        for each in customers.keys(tx, customer) if how == "key" else ():
            principals.revoke(tx, local_operator(tx), each)

    await house.kade.catalog.write(revoke)
    if how == "blocked":
        await house.change_account(customer, blocked=True)
    if how == "made up":
        client.handshake = "API_" + 96 * "x"
    answers = {await told(client, each) for each in requests(path, custom_id, "Kept")}
    assert len(answers) == 1 and ("'Code': 136" if how == "blocked" else "'Code': 0") in answers.pop()
    await house.change_account(customer, blocked=False)
    await house.operate(customers.add_key, customer, f"another-{number}")
    after = await house.client(number, f"another-{number}").begin()
    assert await after.names("secret") == ["a.txt"]


async def test_a_folder_is_no_prefix_of_its_neighbour(house: House) -> None:
    """``/a`` does not cover ``/ab``: neither listed, nor added, nor synchronised by its name."""
    client = await house.client(world.OTHER, world.key_of(world.OTHER)).begin()
    for beside in ("foreigner", "foreig"):
        folder = unc("GOFSERV001", beside)
        for method, path in (("GET", "/Directory/List/"), ("PUT", "/Directory/Synchronize/")):
            assert (await client.call(method, path, Directory=folder)).code == 133
        assert (await client.call("POST", "/File/Add/", FilePath=folder + "\\a.txt")).code == 205


async def test_first_handshakes_count_by_address_and_by_customer(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """213: an address that is used up holds up nobody else; a customer is held up from wherever it comes."""
    settings = {"KADE_DIALECTS_FILER_HANDSHAKES": "3"}
    async with running_house(tmp_path_factory.mktemp("addresses"), settings) as house:
        await make_example(house)
        second = await house.customer(2, "second-key")
        await house.group(second, "Second")
        sessions = [
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=(f"127.0.0.{last}", 0)))
            for last in (11, 12, 13)
        ]

        async def begin(at: int, number: int, key: str, **headers: str) -> int | None:
            client = FilerClient(sessions[at], house.base, number, key)
            said = [("CustomerID", str(number)), ("SecretKey", key), ("FileGroups[]", "Filer_ALL")]
            return (await client.send("POST", "/Handshake/Initialize/", query=said, headers=headers)).code

        try:
            assert [await begin(0, 2434, "wrong") for _ in range(4)] == [135, 135, 135, 213]
            assert await begin(0, 2, "second-key") == 213  # the address, whoever it says it is
            forged = {"X-Forwarded-For": "127.0.0.99", "Forwarded": "for=127.0.0.99"}
            assert await begin(0, 2434, "wrong", **forged) == 213
            # Wrong keys of strangers do not lock the customer out elsewhere.
            at_once = await asyncio.gather(*(begin(1, 2, "second-key") for _ in range(5)))
            assert sorted(map(str, at_once)) == ["213", "213", "None", "None", "None"]
            assert await begin(2, 2, "second-key") == 213  # the customer, from an address that is new
            assert await begin(2, 2434, "wrong") == 135
        finally:
            for each in sessions:
                await each.close()
