"""Doctoring where there is much to find, and where what is looked at goes meanwhile."""

from pathlib import Path

import pytest
from tests.services.test_doctoring import BODY, House, age, house

from kade.core.bindings import Binding, Noun
from kade.core.ids import new_id
from kade.core.ports import Tx
from kade.services import soundness
from kade.services.soundness import Rule

__all__ = ["house"]


def plant(house: House) -> Path:
    """A segment that no row knows, old enough to be reported."""
    name = new_id()
    path = house.segments / name[-2:] / name
    path.write_bytes(b"from a crash")
    age(path)
    return path


async def test_more_names_of_nothing_than_are_kept_in_memory(house: House) -> None:
    """1100 findings: each is reported once, though they are confirmed in two turns."""
    dead = [Binding("somewhere", Noun.SPACE, "", str(number), new_id()) for number in range(1100)]

    def bind(tx: Tx) -> None:
        for each in dead:
            tx.bindings.add(each)

    await house.kade.catalog.write(bind)
    findings = await house.examine()
    assert {each.code for each in findings} == {"binding.dead"}
    assert sorted(each.subject for each in findings) == sorted(each.object_id for each in dead)


async def test_more_orphans_than_a_page(house: House) -> None:
    planted = {plant(house).name for _ in range(510)}
    findings = await house.examine()
    assert len(findings) == 510
    assert {each.subject for each in findings} == planted


async def test_an_orphan_that_goes_meanwhile_is_not_reported(house: House) -> None:
    orphan, stays = plant(house), plant(house)
    doctoring = house.doctoring(progress=lambda what, _n: orphan.unlink(True) if "files" in what else None)
    assert [each.subject async for each in doctoring.examine()] == [stays.name]
    assert not orphan.exists()


async def test_a_digest_that_is_pending_is_no_finding(house: House) -> None:
    sent, _ = await house.send(BODY), await house.send(b"small")
    house.damage("UPDATE contents SET sha256 = NULL, md5 = 'wrong' WHERE id = ?", sent.content_id)
    assert await house.examine(digests=True) == []


@pytest.mark.parametrize("rule", [soundness.segment, soundness.content, soundness.file, soundness.upload])
async def test_what_went_meanwhile_is_sound(house: House, rule: Rule) -> None:
    assert await house.kade.catalog.read(rule, new_id()) == []
