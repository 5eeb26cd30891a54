"""Every catalog: signing keys."""

import asyncio
from typing import Any

from tests.support.catalogs import MakeCatalog

from kade.core.clock import Millis
from kade.core.ids import Id, new_id
from kade.core.ports import Catalog
from kade.core.principals import Caller
from kade.core.signing_keys import SigningKey
from kade.services import signing_keys
from kade.services.signing_keys import KeyRing


def a_signing_key(created_at: int = 100, retires_at: int = 200, **given: Any) -> SigningKey:
    key = SigningKey(
        new_id(), "ES256", '{"kty":"EC"}', b"\x00\xff", Millis(created_at), Millis(retires_at), None
    )
    return key._replace(**given)


async def test_signing_keys_keep_every_field_and_are_listed_newest_first(catalog: Catalog) -> None:
    middle, old = a_signing_key(150), a_signing_key(50, revoked_at=Millis(60))
    new, twin = (a_signing_key(160, 2**40, id=Id(f"{number:032x}")) for number in (1, 2))
    for each in (middle, new, old, twin):
        await catalog.write(lambda tx, key: tx.signing_keys.add(key), each)
    assert await catalog.read(lambda tx: tx.signing_keys.all()) == [twin, new, middle, old]
    assert await catalog.glance(lambda tx: tx.signing_keys.get(old.id)) == old
    assert await catalog.glance(lambda tx: tx.signing_keys.get(new_id())) is None


async def test_those_that_would_sign_later_retire(catalog: Catalog) -> None:
    keys = [a_signing_key(retires_at=moment) for moment in (149, 150, 151)]
    for each in keys:
        await catalog.write(lambda tx, key: tx.signing_keys.add(key), each)
    await catalog.write(lambda tx: tx.signing_keys.retire_all(Millis(150)))
    found = {key.id: key.retires_at for key in await catalog.read(lambda tx: tx.signing_keys.all())}
    assert [found[each.id] for each in keys] == [149, 150, 150]


async def test_a_signing_key_is_revoked_once(catalog: Catalog) -> None:
    one, other = a_signing_key(), a_signing_key()
    for each in (one, other):
        await catalog.write(lambda tx, key: tx.signing_keys.add(key), each)
    assert await catalog.write(lambda tx: tx.signing_keys.revoke(one.id, Millis(7))) is True
    assert await catalog.write(lambda tx: tx.signing_keys.revoke(one.id, Millis(8))) is False
    assert await catalog.write(lambda tx: tx.signing_keys.revoke(new_id(), Millis(8))) is False
    found = await catalog.read(lambda tx: (tx.signing_keys.get(one.id), tx.signing_keys.get(other.id)))
    assert found == (one._replace(revoked_at=Millis(7)), other)


async def test_processes_that_make_a_key_at_once_know_each_others(new_catalog: MakeCatalog) -> None:
    caller = Caller(new_id(), "somebody", new_id())
    catalogs = [new_catalog() for _ in range(3)]
    for each in catalogs:
        await each.open()
    try:
        rings = [KeyRing(each, lambda at: a_signing_key(at, at + 60_000)) for each in catalogs]
        made = await asyncio.gather(*(ring.signing(caller) for ring in rings))
        stored = await catalogs[0].read(lambda tx: tx.signing_keys.all())
        assert {key.id for key in made} <= {key.id for key in stored}
        for ring in rings:
            assert [await ring.find(key.id) for key in stored] == stored
            assert await ring.signing(caller) == stored[0]  # all agree from then on
        at = stored[0].created_at
        assert await catalogs[1].write(signing_keys.ensure, caller, a_signing_key(at, at + 1)) == stored[0]
    finally:
        for each in catalogs:
            await each.close()
