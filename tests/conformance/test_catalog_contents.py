"""Every catalog: contents, extents, segments, files."""

from tests.support.nouns import a_content, a_file, a_segment, a_space, an_extent, an_upload, house

from kade.core.clock import Millis
from kade.core.contents import Content, ContentState, Extent, Segment
from kade.core.files import FileState
from kade.core.ids import Id, new_id
from kade.core.ports import Catalog, Tx
from kade.core.spaces import Space

BIG = 5 << 40


async def _content(catalog: Catalog, **given: object) -> Content:
    def add(tx: Tx) -> Content:
        tenant, _ = house(tx)
        content = a_content(tenant.id, **given)
        tx.contents.add(content)
        return content

    return await catalog.write(add)


async def _segments(catalog: Catalog, count: int) -> list[Id]:
    segments = [a_segment() for _ in range(count)]

    def add(tx: Tx) -> None:
        for segment in segments:
            tx.segments.add(segment)

    await catalog.write(add)
    return [segment.id for segment in segments]


async def test_a_content_keeps_every_field(catalog: Catalog) -> None:
    content = await _content(catalog, inline=b"\x00\xff", sha256="aa", md5="bb", detected_type="text/plain")
    assert await catalog.read(lambda tx: tx.contents.get(content.id)) == content
    assert await catalog.read(lambda tx: tx.contents.get(new_id())) is None


async def test_sealing_makes_a_content_live(catalog: Catalog) -> None:
    content = await _content(catalog)

    def seal(tx: Tx) -> Content | None:
        tx.contents.seal(
            content.id,
            inline=b"abc",
            length=BIG,
            sha256=None,
            md5="m",
            detected_type=None,
            at=Millis(9),
        )
        return tx.contents.get(content.id)

    expected = Content(
        content.id, content.tenant_id, ContentState.LIVE, BIG, b"abc", None, "m", None, Millis(9)
    )
    assert await catalog.write(seal) == expected


async def test_extents_keep_their_order_and_are_replaced_as_a_whole(catalog: Catalog) -> None:
    content = await _content(catalog)
    one, two = await _segments(catalog, 2)
    extents = [Extent(two, BIG, 5), Extent(one, 0, 7), Extent(two, 0, 1)]
    await catalog.write(lambda tx: tx.contents.set_extents(content.id, extents, 13, Millis(9)))
    assert await catalog.read(lambda tx: tx.contents.extents(content.id)) == extents
    found = await catalog.read(lambda tx: tx.contents.get(content.id))
    assert found == content._replace(length=13, changed_at=Millis(9))
    await catalog.write(lambda tx: tx.contents.set_extents(content.id, [], 0, Millis(10)))
    assert await catalog.read(lambda tx: tx.contents.extents(content.id)) == []


async def test_the_last_extent_grows_or_a_new_one_follows(catalog: Catalog) -> None:
    content = await _content(catalog)
    one, two = await _segments(catalog, 2)
    steps = [(0, Extent(one, 0, 5), 5), (0, Extent(one, 0, BIG), BIG), (1, Extent(two, 3, 4), BIG + 4)]
    for position, extent, length in steps:

        def put(tx: Tx, where: int = position, what: Extent = extent, total: int = length) -> None:
            tx.contents.set_last_extent(content.id, where, what, total, Millis(total))

        await catalog.write(put)
    extents = await catalog.read(lambda tx: tx.contents.extents(content.id))
    assert extents == [Extent(one, 0, BIG), Extent(two, 3, 4)]
    found = await catalog.read(lambda tx: tx.contents.get(content.id))
    assert found == content._replace(length=BIG + 4, changed_at=Millis(BIG + 4))


async def test_pending_digests_and_types_are_found_of_live_contents_only(catalog: Catalog) -> None:
    live = [await _content(catalog, state=ContentState.LIVE) for _ in range(3)]
    await _content(catalog)
    await _content(catalog, state=ContentState.CONDEMNED)
    ids = sorted(content.id for content in live)
    assert await catalog.read(lambda tx: tx.contents.without_sha256(None, 10)) == ids
    assert await catalog.read(lambda tx: tx.contents.without_sha256(None, 2)) == ids[:2]
    assert await catalog.read(lambda tx: tx.contents.without_sha256(ids[0], 2)) == ids[1:]
    assert [c.id for c in await catalog.read(lambda tx: tx.contents.without_type(10))] == ids
    await catalog.write(lambda tx: tx.contents.set_digests(ids[0], "aa", None))
    await catalog.write(lambda tx: tx.contents.set_detected_type(ids[1], "text/plain"))
    assert await catalog.read(lambda tx: tx.contents.without_sha256(None, 10)) == ids[1:]
    assert [c.id for c in await catalog.read(lambda tx: tx.contents.without_type(10))] == [ids[0], ids[2]]
    found = await catalog.read(lambda tx: (tx.contents.get(ids[0]), tx.contents.get(ids[1])))
    assert [(each.sha256, each.md5, each.detected_type) for each in found if each] == [
        ("aa", None, None),
        (None, None, "text/plain"),
    ]


async def test_condemned_contents_are_found_after_a_moment_oldest_first(catalog: Catalog) -> None:
    one, two, three = [await _content(catalog, state=ContentState.LIVE) for _ in range(3)]
    for content, moment in ((one, 30), (two, 20), (three, 40)):
        await catalog.write(lambda tx, what, at: tx.contents.condemn(what, Millis(at)), content.id, moment)
    found = await catalog.read(lambda tx: tx.contents.get(one.id))
    assert found == one._replace(state=ContentState.CONDEMNED, changed_at=Millis(30))
    assert await catalog.read(lambda tx: tx.contents.condemned_before(Millis(40), 10)) == [two.id, one.id]
    assert await catalog.read(lambda tx: tx.contents.condemned_before(Millis(40), 1)) == [two.id]


async def test_a_forgotten_content_leaves_no_extents(catalog: Catalog) -> None:
    content = await _content(catalog)
    (segment_id,) = await _segments(catalog, 1)
    await catalog.write(
        lambda tx: tx.contents.set_extents(content.id, [Extent(segment_id, 0, 1)], 1, Millis(1))
    )
    assert await catalog.read(lambda tx: tx.segments.in_use(segment_id)) is True
    await catalog.write(lambda tx: tx.contents.forget(content.id))
    assert await catalog.read(lambda tx: tx.contents.get(content.id)) is None
    assert await catalog.read(lambda tx: tx.segments.in_use(segment_id)) is False


async def test_what_no_file_and_no_upload_refers_to_is_found(catalog: Catalog) -> None:
    def build(tx: Tx) -> tuple[list[Id], Id]:
        tenant, space = house(tx)
        contents = [a_content(tenant.id, changed_at=Millis(10), state=ContentState.LIVE) for _ in range(6)]
        for content in contents:
            tx.contents.add(content)
        used, erased, uploading, alone, condemned, fresh = (content.id for content in contents)
        tx.files.add(a_file(space, content_id=used))
        tx.files.add(a_file(space, content_id=erased, state=FileState.ERASED))
        tx.uploads.add(an_upload(space, content_id=uploading))
        tx.contents.condemn(condemned, Millis(10))
        tx.contents.set_extents(fresh, [], 0, Millis(50))
        return sorted((erased, alone)), fresh

    expected, fresh = await catalog.write(build)
    assert sorted(await catalog.read(lambda tx: tx.contents.unreferenced(Millis(50), 10))) == expected
    assert len(await catalog.read(lambda tx: tx.contents.unreferenced(Millis(50), 1))) == 1
    assert fresh in await catalog.read(lambda tx: tx.contents.unreferenced(Millis(51), 10))


async def test_contents_and_segments_are_paged_by_id(catalog: Catalog) -> None:
    contents = sorted([await _content(catalog) for _ in range(5)])
    segments = sorted(await _segments(catalog, 5))
    assert await catalog.read(lambda tx: tx.contents.page(None, 3)) == contents[:3]
    assert await catalog.read(lambda tx: tx.contents.page(contents[2].id, 3)) == contents[3:]
    first = await catalog.read(lambda tx: tx.segments.page(None, 3))
    rest = await catalog.read(lambda tx: tx.segments.page(first[-1].id, 3))
    assert [segment.id for segment in first + rest] == segments


async def test_segments_grow_and_go(catalog: Catalog) -> None:
    segment = Segment(new_id(), 0, Millis(7))
    await catalog.write(lambda tx: tx.segments.add(segment))
    await catalog.write(lambda tx: tx.segments.grow(segment.id, BIG))
    assert await catalog.read(lambda tx: tx.segments.get(segment.id)) == segment._replace(length=BIG)
    assert await catalog.read(lambda tx: tx.segments.unreferenced(Millis(7), 9)) == []
    assert await catalog.read(lambda tx: tx.segments.unreferenced(Millis(8), 9)) == [segment.id]
    await catalog.write(lambda tx: tx.segments.forget(segment.id))
    assert await catalog.read(lambda tx: tx.segments.get(segment.id)) is None


async def test_a_segment_in_use_is_not_unreferenced(catalog: Catalog) -> None:
    content = await _content(catalog)
    used, alone = await _segments(catalog, 2)
    await catalog.write(lambda tx: tx.contents.set_extents(content.id, [an_extent(1, 0, used)], 1, Millis(1)))
    assert await catalog.read(lambda tx: tx.segments.unreferenced(Millis(1 << 50), 9)) == [alone]


async def _space(catalog: Catalog) -> Space:
    return await catalog.write(lambda tx: house(tx)[1])


async def test_a_file_keeps_every_field(catalog: Catalog) -> None:
    space = await _space(catalog)
    file = a_file(
        space,
        name="Ünï 文.txt",
        content_id=new_id(),
        length=BIG,
        annotations='{"b": 1.0, "a": 2}',
        valid_from=Millis(-5),
        valid_until=Millis(1 << 45),
    )
    await catalog.write(lambda tx: tx.files.add(file))
    assert await catalog.read(lambda tx: tx.files.get(file.id)) == file
    assert await catalog.read(lambda tx: tx.files.get(new_id())) is None


async def test_a_file_changes_only_from_the_version_before(catalog: Catalog) -> None:
    space = await _space(catalog)
    file = a_file(space)
    await catalog.write(lambda tx: tx.files.add(file))
    changed = file._replace(version=2, state=FileState.TRASHED, length=None, name="new")
    assert await catalog.write(lambda tx: tx.files.change(changed)) is True
    assert await catalog.write(lambda tx: tx.files.change(changed)) is False
    assert await catalog.write(lambda tx: tx.files.change(a_file(space, version=2))) is False
    assert await catalog.read(lambda tx: tx.files.get(file.id)) == changed


async def test_files_of_a_space_come_oldest_first_in_pages(catalog: Catalog) -> None:
    space, other = await _space(catalog), await _space(catalog)
    files = sorted(a_file(space) for _ in range(5))
    trashed = a_file(space, state=FileState.TRASHED)
    for each in [*reversed(files), trashed, a_file(other)]:
        await catalog.write(lambda tx, file: tx.files.add(file), each)
    live = [FileState.LIVE]
    assert await catalog.read(lambda tx: tx.files.of_space(space.id, live)) == files
    assert await catalog.read(lambda tx: tx.files.of_space(space.id, live, limit=2)) == files[:2]
    rest = await catalog.read(lambda tx: tx.files.of_space(space.id, live, after=files[1].id, limit=9))
    assert rest == files[2:]
    both = await catalog.read(lambda tx: tx.files.of_space(space.id, [*live, FileState.TRASHED]))
    assert both == sorted([*files, trashed])
    assert await catalog.read(lambda tx: tx.files.of_space(space.id, [])) == []


async def test_files_of_many_spaces(catalog: Catalog) -> None:
    one, two, three = [await _space(catalog) for _ in range(3)]
    files = [a_file(space) for space in (one, two, three)]
    for each in files:
        await catalog.write(lambda tx, file: tx.files.add(file), each)
    live = [FileState.LIVE]
    found = await catalog.read(lambda tx: tx.files.of_spaces([one.id, two.id], live))
    assert found == sorted(files[:2])
    assert await catalog.read(lambda tx: tx.files.of_spaces([], live)) == []
    many = [new_id() for _ in range(40_000)] + [three.id]
    assert await catalog.read(lambda tx: tx.files.of_spaces(many, live)) == files[2:]


async def test_files_that_use_a_content(catalog: Catalog) -> None:
    space = await _space(catalog)
    content_id = new_id()
    files = [a_file(space, content_id=content_id, state=state) for state in FileState]
    for each in files:
        await catalog.write(lambda tx, file: tx.files.add(file), each)
    found = await catalog.read(lambda tx: tx.files.of_content(content_id))
    assert {file.state for file in found} == set(FileState) - {FileState.ERASED, FileState.REFUSED}
    assert found == sorted(found)


async def test_files_whose_next_step_is_due_come_longest_due_first(catalog: Catalog) -> None:
    space, other = await _space(catalog), await _space(catalog)
    second = a_file(space, state=FileState.TRASHED, due_at=Millis(6))
    first = a_file(other, due_at=Millis(5))
    for each in (second, first, a_file(space, due_at=Millis(9)), a_file(space)):
        await catalog.write(lambda tx, file: tx.files.add(file), each)
    assert await catalog.read(lambda tx: tx.files.due(Millis(9), 10)) == [first, second]
    assert await catalog.read(lambda tx: tx.files.due(Millis(9), 1)) == [first]


async def test_a_space_below_counts_for_itself(catalog: Catalog) -> None:
    tenant, root = await catalog.write(house)
    below = a_space(tenant.id, root.id)
    await catalog.write(lambda tx: tx.spaces.add(below))
    await catalog.write(lambda tx: tx.files.add(a_file(below, length=5, content_id=new_id())))
    assert await catalog.read(lambda tx: tx.quotas.actual(root.id)) == (0, 0)
    assert await catalog.read(lambda tx: tx.quotas.actual(tenant.id)) == (5, 0)


async def test_those_that_are_live_are_told_apart(catalog: Catalog) -> None:
    tenant, _ = await catalog.write(house)
    states = (ContentState.LIVE, ContentState.GROWING, ContentState.CONDEMNED)
    live, *others = [a_content(tenant.id, state=state) for state in states]
    for each in (live, *others):
        await catalog.write(lambda tx, content: tx.contents.add(content), each)
    asked = [live.id, *(each.id for each in others), new_id()]
    assert await catalog.read(lambda tx: tx.contents.living(asked)) == {live.id}
    assert await catalog.read(lambda tx: tx.contents.living([])) == set()
