"""Rules of spaces, and the reaction that follows them through the journal, also after a process died."""

import asyncio
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs
from tests.services.conftest import House, until
from tests.services.exchange import DATA, ByNumber, a_subscriber, a_type, delivered, file_now, published, used
from tests.services.test_appending import refusal
from tests.services.test_files import made, sweeping
from tests.support.nouns import a_principal

from kade.core.bindings import Noun
from kade.core.clock import Millis, now
from kade.core.contents import ContentState
from kade.core.errors import AccessReason, KadeError, RequestReason, RuleReason
from kade.core.events import Event, JournalEntry
from kade.core.files import File, FileState
from kade.core.ids import new_id
from kade.core.ports import Catalog, Tx
from kade.core.principals import Caller
from kade.core.rules import Action, Rule
from kade.core.spaces import Policy, Space
from kade.services import access, files, rules, spaces, tenants
from kade.services.reacting import Reacting


def following(house: House, catalog: Catalog | None = None) -> Reacting:
    """What applies the rules, as a server has it."""
    return Reacting(catalog or house.catalog, "rules", lambda tx, entry: rules.apply(tx, house.namers, entry))


async def a_rule(house: House, space: Space, target: Space) -> Rule:
    return await house.catalog.write(rules.create, house.caller, space, Action.PUBLISH, target)


async def in_space(house: House, space: Space) -> list[File]:
    return await house.catalog.read(lambda tx: tx.files.of_space(space.id, list(FileState)))


async def entries(house: House) -> list[JournalEntry]:
    return await house.catalog.read(lambda tx: tx.journal.tail(0, 10_000))


async def test_what_arrives_is_published_in_the_target(house: House) -> None:
    house.namers.register(ByNumber())
    shelf = await a_type(house, policy=Policy(keep_content_ms=5_000_000))
    subscriber = await a_subscriber(house)
    await published(house, house.space)
    await asyncio.sleep(0.002)  # a rule is for what arrives after it, by the millisecond
    rule = await a_rule(house, house.space, shelf)
    file = await published(house, house.space, name="From-Haven.xml")
    await following(house).catch_up()
    (copy,) = await in_space(house, shelf)
    assert copy == file._replace(
        id=copy.id,
        space_id=shelf.id,
        version=1,
        created_at=copy.created_at,
        changed_at=copy.changed_at,
        arrived_at=copy.arrived_at,
        due_at=Millis((copy.arrived_at or 0) + 5_000_000),
        origin_id=file.id,
    )
    assert [each.subscriber_id for each in await delivered(house, copy.id)] == [subscriber.principal_id]
    assert await house.catalog.read(lambda tx: tx.bindings.key_of("by number", Noun.FILE, copy.id))
    assert await used(house, shelf) == (len(DATA), 0)
    entry = (await entries(house))[-1]
    assert entry.kind == "file.published" and entry.subject == copy.id
    for word in (file.id, rule.id, shelf.id, '"deliveries":1'):
        assert word in (entry.detail or "")


async def test_reacting_again_does_nothing(house: House) -> None:
    shelf = await a_type(house)
    await a_rule(house, house.space, shelf)
    for _ in range(3):
        await published(house, house.space)
    for _ in range(2):
        await following(house).catch_up()
    before = await in_space(house, shelf), await house.kinds()
    assert len(before[0]) == 3

    def again(tx: Tx) -> None:
        for entry in tx.journal.tail(0, 1000):
            rules.apply(tx, house.namers, entry)

    await house.catalog.write(again)
    await house.catalog.write(lambda tx: tx.cursors.move("rules", 0))
    await following(house).catch_up()
    assert (await in_space(house, shelf), await house.kinds()) == before
    assert await following(house).lag() == 0


@pytest.mark.parametrize("restart", [1, 2, 3])
async def test_a_process_that_dies_between_commit_and_reaction_loses_nothing(
    house: House, restart: int
) -> None:
    shelf = await a_type(house)
    await a_rule(house, house.space, shelf)
    deaths = iter([True] * restart)

    def dying(tx: Tx, entry: JournalEntry) -> None:
        rules.apply(tx, house.namers, entry)
        if entry.kind == "file.created" and next(deaths, False):
            raise KadeError(RequestReason.CATALOG_UNAVAILABLE)  # the transaction is lost with its process

    await published(house, house.space)
    for _ in range(restart):
        with pytest.raises(KadeError):
            await Reacting(house.catalog, "rules", dying).catch_up()
        assert await in_space(house, shelf) == []
    await published(house, house.space)
    running = following(house)
    task = asyncio.create_task(running.run())
    await until(lambda: _count(house, shelf, 2))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await published(house, house.space)
    assert await running.lag() > 0
    await following(house).catch_up()
    assert len(await in_space(house, shelf)) == 3
    assert (await house.kinds()).count("file.published") == 3


async def _count(house: House, space: Space, number: int) -> bool:
    return len(await in_space(house, space)) == number


async def test_a_process_that_is_stopped_at_any_step_publishes_each_file_once(house: House) -> None:
    shelf = await a_type(house)
    await a_rule(house, house.space, shelf)
    for number in range(12):
        await published(house, house.space)
        task = asyncio.create_task(following(house).run())
        for _ in range(number):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await following(house).catch_up()
    assert len({file.origin_id for file in await in_space(house, shelf)}) == 12
    assert (await house.kinds()).count("file.published") == 12


async def test_rules_that_lead_in_a_circle_end(house: House) -> None:
    one, two, three = house.space, await house.new_space(name="two"), await house.new_space(name="three")
    for space, target in ((one, two), (two, three), (three, one), (two, one), (one, three), (three, two)):
        await a_rule(house, space, target)
    file = await published(house, one)
    await following(house).catch_up()
    for space in (two, three):
        (copy,) = await in_space(house, space)
        assert (copy.origin_id, copy.content_id) == (file.id, file.content_id)
    assert await in_space(house, one) == [file]
    assert (await house.kinds()).count("file.published") == 2


async def test_a_rule_reaches_into_another_tenant(house: House) -> None:
    second = await house.catalog.write(tenants.add, house.caller, "second")
    root = await house.catalog.read(tenants.root_of, second.id)
    await a_rule(house, house.space, root)
    file = await published(house, house.space)
    await following(house).catch_up()
    (copy,) = await in_space(house, root)
    assert copy.tenant_id == second.id and copy.content_id == file.content_id
    quota = await house.catalog.read(lambda tx: tx.quotas.get(second.id))
    assert quota is not None and quota.used == len(DATA)
    await house.catalog.write(files.purge, house.caller, file)
    await sweeping(house).sweep()
    assert (await house.content(copy.content_id)).state == ContentState.LIVE
    assert (await house.catalog.read(files.content_of, copy)).length == len(DATA)
    assert len(await house.segments()) == 1


@pytest.mark.parametrize(
    ("policy", "ceiling", "reason"),
    [
        (Policy(max_file_size=len(DATA) - 1), None, "upload.max_size"),
        (Policy(refused_extensions=("bin",)), None, "file.name_refused"),
        (Policy(file_names=("*.xml",)), None, "file.name_refused"),
        (Policy(), len(DATA) - 1, "quota.exceeded"),
    ],
)
async def test_a_target_that_refuses_is_noted_and_others_get_the_file(
    house: House, policy: Policy, ceiling: int | None, reason: str
) -> None:
    strict, open_to_all = await house.new_space(policy, ceiling, "strict"), await house.new_space(name="o")
    for target in (strict, open_to_all):
        await a_rule(house, house.space, target)
    file = await published(house, house.space)
    await following(house).catch_up()
    assert await in_space(house, strict) == [] and len(await in_space(house, open_to_all)) == 1
    assert await used(house, strict) == (0, 0)
    (refused,) = [entry for entry in await entries(house) if entry.kind == "rule.refused"]
    assert (refused.subject, refused.reason, refused.outcome) == (file.id, reason, "refused")


async def test_a_target_of_exactly_enough_room_takes_it(house: House) -> None:
    target = await house.new_space(Policy(max_file_size=len(DATA)), len(DATA), "exact")
    await a_rule(house, house.space, target)
    await published(house, house.space)
    await following(house).catch_up()
    assert await used(house, target) == (len(DATA), 0)


async def test_what_is_gone_when_the_reaction_comes_is_not_published(house: House) -> None:
    shelf = await house.new_space()
    await a_rule(house, house.space, shelf)
    purged, condemned, unknown = [await published(house, house.space) for _ in range(3)]
    await house.catalog.write(files.purge, house.caller, purged)
    content = await house.content(condemned.content_id)
    await house.catalog.write(lambda tx: tx.contents.condemn(content.id, now()))
    await house.catalog.write(lambda tx: files.change(tx, unknown, content_id=None))
    await house.catalog.write(lambda tx: tx.journal.append(Event("file.created", new_id())))
    await following(house).catch_up()
    assert await in_space(house, shelf) == []


async def test_a_copy_whose_first_file_is_erased_goes_no_further_twice(house: House) -> None:
    """The record of the first one still says where it came from."""
    two, three = await house.new_space(name="two"), await house.new_space(name="three")
    await a_rule(house, house.space, two)
    file = await published(house, house.space)
    await following(house).catch_up()
    await house.catalog.write(files.purge, house.caller, file)
    (copy,) = await in_space(house, two)
    await a_rule(house, two, three)
    await a_rule(house, two, house.space)
    await house.catalog.write(lambda tx: tx.journal.append(Event("file.published", copy.id)))
    later = copy._replace(version=2, arrived_at=Millis(now() + 1000))
    await house.catalog.write(lambda tx: tx.files.change(later))
    await following(house).catch_up()
    (third,) = await in_space(house, three)
    assert third.origin_id == file.id
    assert [each.id for each in await in_space(house, house.space)] == [file.id]


async def test_a_target_that_is_removed_has_no_rules_any_more(house: House) -> None:
    shelf = await house.new_space()
    rule = await a_rule(house, house.space, shelf)
    await house.catalog.write(spaces.remove, house.caller, shelf)
    assert await house.catalog.read(rules.of_space, house.caller, house.space) == []
    await house.catalog.write(lambda tx: tx.rules.add(rule))  # made while the space was removed
    await published(house, house.space)
    await following(house).catch_up()
    assert (await house.kinds())[-1] == "rule.refused"
    assert await in_space(house, shelf) == []


async def test_rules_are_made_listed_and_ended_by_who_manages(house: House) -> None:
    shelf = await house.new_space()
    rule = await a_rule(house, house.space, shelf)
    assert await house.catalog.read(rules.of_space, house.caller, house.space) == [rule]
    assert await refusal(a_rule(house, house.space, shelf)) is RuleReason.EXISTS
    assert await refusal(a_rule(house, shelf, shelf)) is RuleReason.SAME_SPACE
    partner = await house.catalog.write(_a_manager_of, house, house.space)
    for space, target in ((house.space, shelf), (shelf, house.space)):
        making = house.catalog.write(rules.create, partner, space, Action.PUBLISH, target)
        assert await refusal(making) is AccessReason.VERB_NOT_GRANTED
    assert await refusal(house.catalog.read(rules.of_space, partner, shelf)) is AccessReason.VERB_NOT_GRANTED
    elsewhere = rule._replace(space_id=shelf.id)
    removing = house.catalog.write(rules.remove, partner, elsewhere)
    assert await refusal(removing) is AccessReason.VERB_NOT_GRANTED
    await house.catalog.write(rules.remove, house.caller, rule)
    assert await refusal(house.catalog.write(rules.remove, house.caller, rule)) is RuleReason.UNKNOWN
    assert (await house.kinds())[-2:] == ["rule.created", "rule.removed"]
    await published(house, house.space)
    await following(house).catch_up()
    assert await in_space(house, shelf) == []


def _a_manager_of(tx: Tx, house: House, space: Space) -> Caller:
    principal = a_principal(house.caller.tenant_id)
    tx.principals.add(principal)
    access.grant(tx, principal.id, space.id)
    return Caller(principal.id, principal.name, principal.tenant_id)


async def note(house: House, *subjects: str) -> None:
    for subject in subjects:
        await house.catalog.write(lambda tx, each: tx.journal.append(Event("toy", each)), subject)


class Toy:
    """A reaction that counts the toys that it saw, and fails on some."""

    def __init__(self, fails: Callable[[str, int], bool] = lambda subject, times: False) -> None:
        self.seen: list[str] = []
        self._fails = fails
        self._times: dict[str, int] = {}

    def __call__(self, tx: Tx, entry: JournalEntry) -> None:
        if entry.kind != "toy":
            return
        self._times[entry.subject] = self._times.get(entry.subject, 0) + 1
        if self._fails(entry.subject, self._times[entry.subject]):
            raise RuntimeError("a mistake of ours")
        tx.journal.append(Event("played", entry.subject))
        self.seen.append(entry.subject)


async def played(house: House) -> list[str]:
    return [entry.subject for entry in await entries(house) if entry.kind == "played"]


async def test_an_entry_that_always_fails_is_left_behind_alone(house: House) -> None:
    await note(house, "a", "b", "bad", "c", "worse", "d")
    toy = Toy(lambda subject, times: subject in ("bad", "worse"))
    with capture_logs() as logs:
        await Reacting(house.catalog, "toys", toy).catch_up()
    assert await played(house) == ["a", "b", "c", "d"]
    failed = [entry for entry in await entries(house) if entry.kind == "reaction.failed"]
    assert [(entry.subject, entry.outcome) for entry in failed] == [("bad", "failed"), ("worse", "failed")]
    assert [log["reaction"] for log in logs] == ["toys", "toys"]
    assert await Reacting(house.catalog, "toys", toy).lag() == 0


@pytest.mark.parametrize("place", [("bad", "a", "b"), ("a", "bad", "b"), ("a", "b", "bad")])
async def test_an_entry_that_fails_once_is_not_left_behind(house: House, place: tuple[str, ...]) -> None:
    await note(house, *place)
    toy = Toy(lambda subject, times: subject == "bad" and times == 1)
    await Reacting(house.catalog, "toys", toy).catch_up()
    assert await played(house) == list(place)


async def test_a_refusal_of_the_reaction_is_a_failure_like_another(house: House) -> None:
    def refuse(tx: Tx, entry: JournalEntry) -> None:
        if entry.subject == "bad":
            raise KadeError(RuleReason.UNKNOWN)
        if entry.kind == "toy":
            tx.journal.append(Event("played", entry.subject))

    await note(house, "bad", "good")
    await Reacting(house.catalog, "toys", refuse).catch_up()
    assert await played(house) == ["good"]


async def test_what_another_process_has_passed_is_not_left_behind_again(house: House) -> None:
    await note(house, "bad", "next")

    def fail_while_another_goes_on(tx: Tx, entry: JournalEntry) -> None:
        if entry.subject == "bad":
            raise RuntimeError("a mistake of ours")
        if entry.kind == "toy":
            tx.journal.append(Event("played", entry.subject))

    class Overtaken(Reacting):
        def _leave_behind(self, tx: Tx, position: int) -> None:
            tx.cursors.lock("toys")
            tx.cursors.move("toys", position)
            super()._leave_behind(tx, position)

    await Overtaken(house.catalog, "toys", fail_while_another_goes_on).catch_up()
    assert await played(house) == ["next"]
    assert "reaction.failed" not in await house.kinds()


class Failing:
    """A catalog that fails so many times before it does what it is asked."""

    def __init__(self, catalog: Catalog, *errors: Exception) -> None:
        self._catalog = catalog
        self._errors = list(errors)

    async def write(self, *arguments: object) -> object:
        if self._errors:
            raise self._errors.pop(0)
        return await self._catalog.write(*arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "error", [KadeError(RequestReason.CATALOG_UNAVAILABLE), OSError("gone"), RuntimeError("no connection")]
)
async def test_a_catalog_that_fails_costs_time_and_no_entry(house: House, error: Exception) -> None:
    await note(house, "a", "b")
    failing: Catalog = Failing(house.catalog, error, error, error)  # type: ignore[assignment]
    toy = Toy()
    reacting = Reacting(failing, "toys", toy, pause_s=0.01, retry_s=0.001)
    task = asyncio.create_task(reacting.run())

    async def done() -> bool:
        return await played(house) == ["a", "b"]

    await until(done)
    await note(house, "c")  # seen without being woken
    await until(lambda: _played_so_many(house, 3))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await played(house) == ["a", "b", "c"]


async def _played_so_many(house: House, number: int) -> bool:
    return len(await played(house)) == number


async def test_it_looks_when_it_is_woken(house: House) -> None:
    reacting = Reacting(house.catalog, "toys", Toy(), pause_s=600)
    task = asyncio.create_task(reacting.run())
    for number in range(1, 4):
        await note(house, str(number))
        reacting.wake()
        await until(lambda count=number: _played_so_many(house, count))  # type: ignore[misc]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_more_entries_than_one_step_takes_are_seen_in_order(house: House) -> None:
    names = [str(number) for number in range(250)]

    def note_all(tx: Tx) -> None:
        for name in names:
            tx.journal.append(Event("toy", name))

    await house.catalog.write(note_all)
    toy = Toy()
    await Reacting(house.catalog, "toys", toy).catch_up()
    assert toy.seen == names == await played(house)


async def test_a_file_of_the_trash_is_published_when_it_was_live(house: House) -> None:
    shelf = await house.new_space(name="shelf")
    house.space = await house.new_space(Policy(trash_ms=60_000), name="box2")
    await a_rule(house, house.space, shelf)
    _, file = await made(house)
    await house.catalog.write(files.remove, house.caller, file)
    await following(house).catch_up()
    assert await in_space(house, shelf) == []
    assert (await file_now(house, file.id)).state == FileState.TRASHED
