"""Mailboxes on a real server: names, dates, folders, moves, news, and lines that break."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.sources.services import read, seen, unreadable, unsealed
from tests.sources.worlds import mailbox
from tests.support.dovecot import Box, message, running_dovecot

from kade.core.errors import KadeError, SourceReason
from kade.core.ports.sources import Place
from kade.core.sources import Seen
from kade.sources import LocalPlaces

pytestmark = pytest.mark.needs("dovecot")


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    async with running_dovecot(tmp_path) as made:
        yield made


@asynccontextmanager
async def opened(box: Box, path: str = "", location: str = "", **settings: object) -> AsyncIterator[Place]:
    place = await LocalPlaces(unsealed).open(mailbox(box, location, **settings), path)
    try:
        yield place
    finally:
        await place.close()


async def refused(box: Box, path: str = "", location: str = "", **settings: object) -> KadeError:
    with pytest.raises(KadeError) as caught:
        async with opened(box, path, location, **settings) as place:
            await seen(place)
    assert box.password not in str(caught.value)
    return caught.value


async def walked(box: Box, path: str = "", **settings: object) -> dict[str, Seen]:
    async with opened(box, path, "", **settings) as place:
        return await seen(place)


async def names(box: Box) -> list[str]:
    return sorted(item.name for item in (await walked(box)).values())


async def test_what_is_told_of_a_message(box: Box) -> None:
    sent = message("Re: Filer", "Line.\n" * 1000)
    box.deliver("INBOX/Projects", sent)
    [item] = (await walked(box)).values()
    assert (item.folder, item.name) == (("INBOX", "Projects"), "Re: Filer - 1732197220.eml")
    assert (item.modified_at, item.length) == (1732197220_000, len(sent.replace(b"\n", b"\r\n")))


SUBJECTS = [
    ("", "(no subject)"),
    ("   ", "(no subject)"),
    ("a/b\\c//d", "a-b-c-d"),
    ("..", ".."),
    ("=?utf-8?q?Caf=C3=A9_=E2=82=AC?=", "Café €"),
    ("=?iso-8859-15?Q?5_=A4?= left =?UTF-8?B?8J+YgA==?=", "5 € left 😀"),
    ("=?utf-8?b?4oI=?= =?utf-8?b?rA==?=", "€"),
    ("=?utf-8?q?two?=\n =?utf-8?q?_lines?=", "two lines"),
    ("=?no-such-charset?q?caf=E9?=", "café"),
    ("=?utf-8?b?!!!?= x", "x"),
    ("=?utf-8?q?a=00b=0D=0Ac=E2=80=AEd?=", "a b c d"),
    ("folded\n over\n\tlines", "folded over lines"),
    ("e\u0301", "é"),
    ("x" * 500, "x" * 180),
    ("€" * 100, "€" * 60),
]


async def test_names_are_made_of_subjects(box: Box) -> None:
    for number, (subject, _) in enumerate(SUBJECTS):
        box.deliver("INBOX", message(subject, number=number))
    assert await names(box) == sorted(f"{name} - 1732197220.eml" for _, name in SUBJECTS)


async def test_raw_bytes_in_a_subject_are_text_of_some_kind(box: Box) -> None:
    for subject in (b"caf\xc3\xa9", b"caf\xe9"):
        box.deliver("INBOX", b"Subject: " + subject + b"\nDate: 1 Jan 2024 00:00 +0000\n\nx\n")
    assert await names(box) == ["café - 1704067200.eml"] * 2


DATES = [
    ("Thu, 21 Nov 2024 14:53:40 +0100 (CET)", 1732197220),
    ("21 Nov 24 13:53:40 GMT", 1732197220),
    ("Thu, 21 Nov 2024 13:53:40 -0000", 1732197220),
    ("no date", 1_500_000_000),
    ("", 1_500_000_000),
    ("Thu, 99 Nov 2024 14:53:40 +0100", 1_500_000_000),
    ("Thu, 21 Nov 99999 14:53:40 +0100", 1_500_000_000),
    ("Thu, 21 Nov 1900 14:53:40 +0100", 1_500_000_000),
    ("Thu, 21 Nov 2024 14:53:40 +999999999999", 1_500_000_000),
    ("9" * 100_000, 1_500_000_000),
]


async def test_a_date_that_is_none_gives_way_to_when_it_came_in(box: Box) -> None:
    for number, (date, _) in enumerate(DATES):
        sent = f"Subject: {number:02}\nDate: {date}\n\nx\n"
        box.deliver("INBOX", sent.encode(), received=1_500_000_000)
    found = sorted((item.name, item.modified_at) for item in (await walked(box)).values())
    assert found == [
        (f"{number:02} - {seconds}.eml", seconds * 1000) for number, (_, seconds) in enumerate(DATES)
    ]


async def test_a_message_without_any_header_and_one_with_a_subject_of_a_megabyte(box: Box) -> None:
    box.deliver("INBOX", b"\nonly a body\n", received=1_500_000_000)
    box.deliver("INBOX", b"", received=1_500_000_001)
    lines = "\n ".join(["word" * 15] * 17_000)
    box.deliver("INBOX", f"Subject: {lines}\nDate: 1 Jan 2024 00:00 +0000\n\nx\n".encode())
    async with opened(box) as place:
        found = await seen(place)
        plain, empty, long = sorted(item.name for item in found.values())
        assert (plain, empty) == ("(no subject) - 1500000000.eml", "(no subject) - 1500000001.eml")
        assert long.startswith("wordword") and long.endswith(" - 1704067200.eml") and len(long) == 197
        assert len({item.identity for item in found.values()}) == 3
        assert b"only a body" in b"".join([await read(place, item) for item in found.values()])


async def test_folders_have_names_in_any_script_and_with_any_sign(tmp_path: Path) -> None:
    async with running_dovecot(tmp_path, separator=".") as box:
        for number, folder in enumerate(("INBOX", "Caf&AOk-", "A &- B", "100% sure", "&Jjo-/deep")):
            box.deliver(folder, message(f"{number}", number=number))
        async with opened(box) as place:
            found = await seen(place)
            folders = {item.folder for item in found.values()}
            assert folders == {("INBOX",), ("Café",), ("A & B",), ("100% sure",), ("☺", "deep")}
            for key, item in found.items():
                assert await place.look(key) == item
                assert f"Subject: {item.name[0]}".encode() in await read(place, item)


@pytest.mark.parametrize("path", ["INBOX/Projects", "inbox/PROJECTS", "INBOX/Projects/"])
async def test_a_place_is_a_folder_with_those_below_it(box: Box, path: str) -> None:
    for number, folder in enumerate(("INBOX", "INBOX/Projects", "INBOX/Projects/2024", "Other")):
        box.deliver(folder, message("x", number=number))
    async with opened(box, path) as place:
        found = await seen(place)
        assert {item.folder for item in found.values()} == {(), ("2024",)}
        for key, item in found.items():
            assert await place.look(key) == item
            assert await read(place, item)


async def test_a_folder_that_is_not_there_is_no_place(box: Box) -> None:
    assert (await refused(box, "Missing")).reason is SourceReason.NOT_THERE


async def test_junk_trash_and_what_the_settings_name_are_left_out(box: Box) -> None:
    for number, folder in enumerate(("INBOX", "Trash", "Trash/old", "Junk", "Lists/a", "Lists/b")):
        box.deliver(folder, message("x", number=number))

    async def folders(path: str = "", **settings: object) -> set[str]:
        return {"/".join(item.folder) for item in (await walked(box, path, **settings)).values()}

    assert await folders() == {"INBOX", "Lists/a", "Lists/b"}
    assert await folders(exclude=["lists/*"]) == {"INBOX"}
    assert await folders(exclude=["Lists"], usual=False) == {"INBOX", "Trash", "Trash/old", "Junk"}
    assert await folders("Trash") == {"", "old"}


async def test_a_message_is_found_by_its_name_as_well(box: Box) -> None:
    box.deliver("INBOX/A &- B", message("Re: Filer"), received=1_500_000_000)
    box.deliver("INBOX/A &- B", message("Re: other", number=1))
    box.deliver("INBOX", b"Subject: undated\n\nx\n", received=1_500_000_000)
    box.deliver("INBOX", message("Re: Filer", number=2), flags="T")
    async with opened(box, "INBOX") as place:
        item = await place.look("A & B/re: FILER - 1732197220.eml")
        assert item is not None
        assert (await seen(place))[item.key] == item
        item = await place.look("undated - 1500000000.eml")
        assert item is not None and item.folder == ()
        for missing in ("Re: Filer - 1732197220.eml", "x/undated - 1500000000.eml", "x - 999999999999.eml"):
            assert await place.look(missing) is None


async def test_a_message_that_is_marked_as_deleted_is_gone(box: Box) -> None:
    box.deliver("INBOX", message("stays"))
    box.deliver("INBOX", message("goes"))
    async with opened(box) as place:
        before = {item.name[:4]: item for item in (await seen(place)).values()}
        box.doveadm("flags add", "\\Deleted", "mailbox", "INBOX", "subject", "goes")
        assert [item.name[:4] for item in (await seen(place)).values()] == ["stay"]
        assert await place.look(before["goes"].key) is None
        with pytest.raises(KadeError) as caught:
            await read(place, before["goes"])
    assert caught.value.reason is SourceReason.CHANGED


async def test_nothing_is_marked_as_seen(box: Box) -> None:
    box.deliver("INBOX", message("new"))
    async with opened(box) as place:
        for item in (await seen(place)).values():
            await read(place, item)
            await place.look(item.key)
    assert "\\Seen" not in box.doveadm("fetch", "flags", "all")


async def test_a_message_is_known_again_where_it_was_moved_to(box: Box) -> None:
    box.deliver("INBOX", message("with an id"))
    box.deliver("INBOX", b"Subject: without\n\nx\n", received=1_500_000_000)
    before = await walked(box)
    box.maildir("Archive")
    box.doveadm("move", "Archive", "mailbox", "INBOX", "all")
    after = await walked(box)
    assert {item.folder for item in after.values()} == {("Archive",)}
    assert not before.keys() & after.keys()

    def known(found: dict[str, Seen]) -> set[tuple[str, str]]:
        return {(item.identity, item.signature) for item in found.values()}

    assert known(after) == known(before)
    assert len(known(after)) == 2


async def test_a_folder_that_is_numbered_anew_has_other_keys_for_the_same_messages(box: Box) -> None:
    for number in range(3):
        box.deliver("INBOX", message("x", number=number))
    async with opened(box) as place:
        before = await seen(place)
        box.doveadm("mailbox update", "--uid-validity", "12345", "INBOX")
        after = await seen(place)
        assert not before.keys() & after.keys()
        assert {item.identity for item in before.values()} == {item.identity for item in after.values()}
        for item in before.values():
            assert await place.look(item.key) is None
            with pytest.raises(KadeError) as caught:
                await read(place, item)
            assert caught.value.reason is SourceReason.CHANGED


async def test_what_comes_in_after_the_place_was_opened_is_found(box: Box) -> None:
    box.deliver("INBOX", message("first"))
    async with opened(box) as place:
        assert len(await seen(place)) == 1
        await place.look("INBOX/1/1")
        box.deliver("INBOX", message("second"))
        box.deliver("New folder", message("third"))
        for item in (await seen(place)).values():
            assert await place.look(item.key) == item
            await read(place, item)


async def test_many_messages_come_in_batches(box: Box) -> None:
    for number in range(450):
        box.deliver("INBOX", message(f"number {number}", number=number))
    found = await walked(box)
    assert len(found) == len({item.identity for item in found.values()}) == 450


async def test_a_folder_that_may_not_be_opened_is_told(tmp_path: Path) -> None:
    acl = "mail_plugins = acl\nplugin {\n  acl = vfile\n}\nprotocol imap {\n mail_plugins = acl imap_acl\n}\n"
    async with running_dovecot(tmp_path, more=acl) as box:
        box.deliver("INBOX", message("x"))
        box.deliver("Closed", message("y"))
        (box.maildir("Closed") / "dovecot-acl").write_text("owner l\n")
        async with opened(box) as place:
            assert list(await unreadable(place)) == ["Closed/"]


async def test_a_wrong_password_is_refused_and_never_told(
    box: Box, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    right = box.password
    for wrong in ("hush-hush", "né", "", 'quote" \\'):
        box.password = wrong
        with pytest.raises(KadeError) as caught:
            async with opened(box):
                pass
        assert caught.value.reason is SourceReason.LOGIN_REFUSED
        assert "hush" not in str(caught.value)
    assert "hush" not in caplog.text + "".join(capfd.readouterr())
    box.password = right
    assert await walked(box) == {}


async def test_an_open_line_is_encrypted_when_the_server_can(box: Box) -> None:
    box.deliver("INBOX", message("x"))
    localhost = box.plain.replace("127.0.0.1", "localhost")
    async with opened(box, location=localhost) as place:
        assert len(await seen(place)) == 1
    logins = [line for line in (box.folder / "dovecot.log").read_text().splitlines() if "Login:" in line]
    assert logins
    assert all(" TLS," in line for line in logins)


async def test_a_certificate_of_nobody_known_is_not_trusted(box: Box) -> None:
    for location in (box.tls, box.plain):
        error = await refused(box, location=location, authorities="")
        assert error.reason is SourceReason.UNREACHABLE
        assert "certificate" in error.subject
    log = (box.folder / "dovecot.log").read_text()
    assert "Login:" not in log


async def test_news_are_told_by_the_server(box: Box) -> None:
    box.deliver("INBOX", message("old"))
    async with opened(box) as place:
        changes = place.changes()
        waiting = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(1.5)
        assert not waiting.done()
        for number in range(5):
            box.deliver("INBOX", message("new", number=number))
        await asyncio.wait_for(waiting, 20)
        waiting = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(1.5)
        assert not waiting.done()
        box.doveadm("expunge", "mailbox", "INBOX", "subject", "old")
        await asyncio.wait_for(waiting, 20)


async def test_a_server_without_idle_tells_nothing(tmp_path: Path) -> None:
    more = "protocol imap {\n  imap_capability = IMAP4rev1 AUTH=PLAIN\n}\n"
    async with running_dovecot(tmp_path, more=more) as box:
        box.deliver("INBOX", message("x"))
        async with opened(box) as place:
            assert [item async for item in place.changes()] == []


async def test_a_server_that_goes_away_is_unreachable_and_one_that_comes_back_is_used_again(
    tmp_path: Path,
) -> None:
    async with running_dovecot(tmp_path) as box:
        box.deliver("INBOX", message("x"))
        async with opened(box) as place:
            [item] = (await seen(place)).values()
            changes = asyncio.ensure_future(anext(place.changes()))
            await asyncio.sleep(1)
            await box.restart()
            assert await read(place, item)  # the line was cut meanwhile
            with pytest.raises(KadeError) as caught:
                await asyncio.wait_for(changes, 20)
            assert caught.value.reason is SourceReason.UNREACHABLE
            await box.stop()
            for attempt in (read(place, item), seen(place), place.look(item.key)):
                with pytest.raises(KadeError) as caught:
                    await attempt
                assert caught.value.reason is SourceReason.UNREACHABLE
