"""Handshakes on the wire: lost answers, many at once, and everything by which one ends."""

from __future__ import annotations

import asyncio

import pytest
from tests.dialects.filer.house import KEY, NUMBER, Build, House, make_example
from tests.support.filer_client import Answer, FilerClient
from tests.support.kade_server import KadeServer

from kade.core.ports import Tx
from kade.services import customers, handshakes, principals
from kade.services.installing import local_operator


async def changes(client: FilerClient) -> Answer:
    return await client.call("GET", "/File/List/Changes/", MinuteWindow=1)


async def test_a_lost_answer_costs_nothing(example: House) -> None:
    client = await example.client().begin()
    first = client.handshake
    lost = (await changes(client.beside())).json["Handshake"]
    again = (await changes(client)).json["Handshake"]
    assert again == lost != first
    assert len(first) == len(lost) == 100 and first.isascii() and first.startswith("API_")
    assert (await changes(client)).code is None  # the successor was used
    client.handshake = first
    assert (await changes(client)).code == 0
    refused = [each.reason for each in await example.journal("request.refused")]
    assert refused == ["access.spent_handshake"]
    journal = str(await example.journal())
    assert first not in journal and lost not in journal and client.key not in journal


async def test_errors_consume_nothing_and_warnings_do(example: House) -> None:
    client = await example.client().begin()
    first = client.handshake
    assert (await client.call("GET", "/Search/")).code == 150
    assert (await client.call("GET", "/Search/", Search="a", FileGroups=["Nothing"])).code == 140
    assert client.handshake == first
    assert (await client.call("GET", "/Search/", Search="a", Limit=1)).warnings == [17]
    assert client.handshake != first


async def test_twenty_at_once_by_one_chain_get_one_successor(example: House) -> None:
    client = await example.client().begin()
    for _ in range(3):
        answers = await asyncio.wait_for(
            asyncio.gather(*(changes(client.beside()) for _ in range(20))), timeout=30
        )
        assert {each.code for each in answers} == {None}
        (successor,) = {each.json["Handshake"] for each in answers}
        client.handshake = successor


async def test_twenty_chains_beside_each_other(example: House) -> None:
    async def work(number: int) -> FilerClient:
        client = await example.client().begin("Example group")
        for turn in range(5):
            tag = f"tag{number}_{turn}"
            path = "GOFSERV001/directory/example.txt"
            await client.done("PUT", "/File/Change/", FilePath=path, Tags=[tag])
            assert await client.names("example", Limit=5) == ["example.txt"]
        return client

    clients = await asyncio.wait_for(asyncio.gather(*map(work, range(20))), timeout=60)
    assert len({each.handshake for each in clients}) == 20


async def test_other_customers_and_made_up_ones_are_told_the_same(example: House) -> None:
    await example.customer(1, "another-key")
    client = await example.client().begin()
    bodies = set()
    for number, handshake in (
        (1, client.handshake),
        (2, client.handshake),
        (NUMBER, client.handshake[:-1] + ("a" if client.handshake[-1] != "a" else "b")),
        (NUMBER, "API_" + 96 * "x"),
        (NUMBER, "x"),
        (NUMBER, client.handshake + "\0"),
    ):
        answer = await client.call("GET", "/Search/", Search="a", CustomerID=number, Handshake=handshake)
        bodies.add(answer.body)
    assert len(bodies) == 1
    assert (await changes(client)).code is None


async def test_whoever_is_blocked_or_revoked_is_out_at_once(house: House) -> None:
    customer = await make_example(house)
    client = await house.client().begin()
    await house.change_account(customer, blocked=True)
    assert (await changes(client)).code == 136
    assert (await house.client().initialize("Filer_ALL")).code == 136
    wrong = house.client(key="wrong")
    assert (await wrong.initialize("Filer_ALL")).code == 135  # nothing is told to strangers
    await house.change_account(customer, blocked=False)
    assert (await changes(client)).code is None

    def revoke(tx: Tx) -> None:
        (held,) = handshakes.of_customer(tx, customer)
        handshakes.revoke(tx, local_operator(tx), held)

    await house.kade.catalog.write(revoke)
    assert (await changes(client)).code == 0
    await client.begin()

    def revoke_key(tx: Tx) -> None:
        for each in customers.keys(tx, customer):
            principals.revoke(tx, local_operator(tx), each)

    await house.kade.catalog.write(revoke_key)
    assert (await changes(client)).code == 0
    assert (await house.client().initialize("Filer_ALL")).code == 135


async def test_the_window_for_first_handshakes(build: Build) -> None:
    settings = {
        "KADE_DIALECTS_FILER_HANDSHAKES": "2",
        "KADE_DIALECTS_FILER_HANDSHAKE_WINDOW": "2s",
    }
    async with build(settings) as house:
        await make_example(house)
        codes = [(await house.client(key="wrong").initialize("Filer_ALL")).code for _ in range(3)]
        assert codes == [135, 135, 213]
        assert (await house.client().initialize("Filer_ALL")).code == 213
        await asyncio.sleep(2.2)
        client = await house.client().begin()
        assert (await changes(client)).code is None


@pytest.mark.parametrize("name", ["filer_all", "FILER_ALL", "Filer_ALL"])
async def test_all_groups_are_those_to_come_too(example: House, name: str) -> None:
    every = await example.client().begin(name)
    one = await example.client().begin("example GROUP")
    customer = await example.kade.catalog.read(lambda tx: customers.numbered(tx, NUMBER))
    await example.group(customer, "Later")
    for client, code in ((every, None), (one, 203)):
        answer = await client.call("GET", "/Search/", Search="a", FileGroups=["Later"])
        assert answer.code == code


def test_no_secret_reaches_the_log(tmp_path: object) -> None:
    """Of a real server: neither keys nor handshakes nor what is looked for."""
    import http.client
    import json
    from pathlib import Path
    from urllib.parse import urlencode

    def ask(server: KadeServer, method: str, path: str, **said: str) -> dict[str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", server.web_port, timeout=30)
        connection.request(method, f"{path}?{urlencode(said)}")
        told: dict[str, str] = json.loads(connection.getresponse().read())
        connection.close()
        return told

    with KadeServer(Path(str(tmp_path)) / "data") as server:
        server.run("customer", "add", "acme", "--number", "2434")
        server.run("group", "add", "acme", "Example group")
        key = server.run("customer", "key", "add", "acme").split()[-1]
        said = {"CustomerID": "2434", "SecretKey": key, "FileGroups[]": "Example group"}
        shakes = [ask(server, "POST", "/Handshake/Initialize/", **said)["Handshake"]]
        word = "geheimzoekwoord"
        for _ in range(2):
            told = ask(server, "GET", "/Search/", CustomerID="2434", Handshake=shakes[-1], Search=word)
            shakes.append(told["Handshake"])
        ask(server, "GET", "/Search/", CustomerID="2434", Handshake=shakes[0], Search=word)
        ask(server, "GET", f"/Search/{word}", Handshake=shakes[0])
        server.stop()
        log = "\n".join(line for line in server.log_lines() if f"/Search/{word}" not in line)
        server.start()
    assert "filer.search" in log and "filer.initialize" in log
    assert all(each not in log for each in (*shakes, key, word, KEY))
