"""Grote Berichten, push: a message about what was put gets a valid answer, file by file and part by part."""

import asyncio
import hashlib
import io
import itertools
import os
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from lxml import etree
from tests.dialects.fileserver.conftest import Build
from tests.dialects.fileserver.house import Answer, House, Partner
from tests.dialects.fileserver.test_gb_put import contents_of, put
from tests.dialects.fileserver.test_references import schema
from tests.dialects.fileserver.test_splitzip import BOMBED, SPLIT, archive, cut_at
from tests.support.sizes import MIB

from kade.core.contents import Segment
from kade.core.grants import Verb

NAMESPACE = "http://www.logius.nl/digikoppeling/gb/2020/09"
LARGE = os.urandom(150_000)
KINDS = ("MD5", "SHA1", "SHA256", "SHA384", "SHA512")


def digest(data: bytes, kind: str = "SHA256") -> str:
    return hashlib.new(kind.lower(), data, usedforsecurity=False).hexdigest()


@dataclass
class Said:
    """What a message says of one file: the truth, unless told otherwise."""

    name: str
    data: bytes
    url: str = ""
    kind: str = "SHA256"
    checksum: str = ""
    size: int = -1
    compression: str = "NONE"
    media_type: str = "application/pdf"
    parts: Sequence["Said"] = ()

    @property
    def file(self) -> str:
        checksum = self.checksum or digest(self.data, self.kind)
        size = len(self.data) if self.size < 0 else self.size
        return (
            f'<filename>{self.name}</filename><checksum type="{self.kind}">{checksum}</checksum>'
            f"<size>{size}</size>"
        )

    def xml(self, base: str) -> str:
        parts = "".join(f"<part>{each.file}</part>" for each in self.parts)
        url = self.url if self.url.startswith("http") else base + (self.url or self.name)
        return (
            f'<data-reference-request contextId="c1"><compression>{self.compression}</compression>'
            f'<content contentType="{self.media_type}">{self.file}<transport><location>'
            f'<receiverUrl type="xs:anyURI">{url}</receiverUrl></location>{parts}</transport></content>'
            "</data-reference-request>"
        )


def request(base: str, *said: Said) -> str:
    return (
        f'<digikoppeling-external-data-references-request xmlns="{NAMESPACE}" profile="digikoppeling-gb-4.0">'
        + "".join(each.xml(base) for each in said)
        + "</digikoppeling-external-data-references-request>"
    )


async def post(house: House, partner: Partner, document: str | bytes, **options: Any) -> Answer:
    path = f"/gb/user/{partner.id}/externalDataReferenceRequest"
    data = io.BytesIO(document.encode() if isinstance(document, str) else document)
    headers = {"Content-Type": "application/xml", **options.pop("headers", {})}
    return await house.call("POST", path, data=data, headers=headers, **options)


async def judge(house: House, partner: Partner, *said: Said) -> list[tuple[str, list[str]]]:
    """Status of each file with those of its parts, out of an answer that is valid and repeats the request."""
    document = request(f"{house.exchange}/gb/{partner.id}/", *said)
    answer = await post(house, partner, document)
    assert answer.status == 200, answer
    root = etree.fromstring(answer.body)
    push = schema("gb-2020-09.xsd")
    push.assertValid(root)
    push.assertValid(etree.fromstring(document))
    assert root.get("profile") == "digikoppeling-gb-4.0"
    found = []
    for sent, got in zip(etree.fromstring(document), root, strict=True):
        for name in ("filename", "size", "checksum", "receiverUrl"):
            tag = f".//{{{NAMESPACE}}}{name}"
            assert [each.text for each in sent.iterfind(tag)] == [each.text for each in got.iterfind(tag)]
        statuses = [each.text or "" for each in got.iterfind(f".//{{{NAMESPACE}}}status")]
        found.append((statuses[0], statuses[1:]))
    return found


async def status(house: House, partner: Partner, said: Said) -> str:
    ((whole, _),) = await judge(house, partner, said)
    return whole


@pytest.mark.parametrize("data", [b"", b"small", LARGE], ids=["empty", "small", "large"])
async def test_a_file_that_is_as_was_said(house: House, data: bytes) -> None:
    """MD005, MD006, MD009: and it gets the name and the type of the message."""
    partner = await house.partner("partner")
    await put(house, partner, "uuid/1", data)
    for kind in KINDS:
        assert await status(house, partner, Said("verslag.pdf", data, "uuid/1", kind)) == "OK", kind
    assert await contents_of(house, partner) == {"verslag.pdf": data}
    (path,) = (await house.call("GET", "/files")).json
    assert (await house.download(partner, path)).headers["Content-Type"] == "application/pdf"
    kinds = [each.kind for each in await house.journal()]
    assert kinds.count("file.named") == 1 and kinds.count("reference.judged") == len(KINDS)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"checksum": "00"}, "CHECKSUM_ERROR"),
    ({"checksum": digest(b"other").upper()}, "CHECKSUM_ERROR"),
    ({"size": 6}, "INCORRECT_FILE_SIZE"),
    ({"size": 2**64 - 1}, "INCORRECT_FILE_SIZE"),
    ({"url": "b"}, "FILE_NOT_FOUND"),
    ({"url": ""}, "FILE_NOT_FOUND"),
    ({"url": "../0/a"}, "FILE_NOT_FOUND"),
    ({"url": "%2e%2e/0/a"}, "FILE_NOT_FOUND"),
    ({"url": "a?x"}, "FILE_NOT_FOUND"),
    ({"url": "a%00"}, "FILE_NOT_FOUND"),
    ({"url": "%ff"}, "FILE_NOT_FOUND"),
    ({"url": "https://other/files/download/a"}, "FILE_NOT_FOUND"),
    ({"url": "http://localhost/files/gb/0/a"}, "FILE_NOT_FOUND"),
    ({"url": "https://u:p@localhost/files/gb/0/a"}, "FILE_NOT_FOUND"),
    ({"url": "https://["}, "FILE_NOT_FOUND"),
    ({"name": "a b.pdf"}, "UNKNOWN_ERROR"),
    ({"name": "../x"}, "UNKNOWN_ERROR"),
    ({"name": "x" * 201}, "UNKNOWN_ERROR"),
    ({"media_type": "nonsense"}, "UNKNOWN_ERROR"),
    ({"compression": "ZIP4J"}, "DECOMPRESSION_ERROR"),
]


async def test_what_is_wrong_is_told(house: House) -> None:
    """GB014, GB015; nothing becomes of the file."""
    partner = await house.partner("partner")
    await put(house, partner, "a", b"hello")
    for changes, expected in WRONG:
        values: dict[str, Any] = {"name": "a.pdf", "data": b"hello", "url": "a", **changes}
        assert await status(house, partner, Said(**values)) == expected, changes
    assert await contents_of(house, partner) == {"a": b"hello"}


async def test_the_sender_recovers(house: House) -> None:
    """GB018: put again, say it again."""
    partner = await house.partner("partner")
    said = Said("a", LARGE)
    assert await status(house, partner, said) == "FILE_NOT_FOUND"
    await put(house, partner, "a", LARGE[:-1])
    assert await status(house, partner, said) == "INCORRECT_FILE_SIZE"
    await put(house, partner, "a", LARGE[::-1])
    assert await status(house, partner, said) == "CHECKSUM_ERROR"
    await put(house, partner, "a", LARGE)
    assert await status(house, partner, said) == "OK"


async def test_the_file_of_another_partner_is_not_found(house: House) -> None:
    one, two = await house.partner("one"), await house.partner("two")
    await put(house, one, "a", b"hello")
    theirs = Said("a", b"hello", f"{house.exchange}/gb/{one.id}/a")
    assert await status(house, two, theirs) == "FILE_NOT_FOUND"
    assert await status(house, one, theirs) == "OK"


async def test_several_files_are_judged_each(house: House) -> None:
    """MD001."""
    partner = await house.partner("partner")
    await put(house, partner, "a", b"1")
    await put(house, partner, "b", b"2")
    found = await judge(house, partner, Said("a", b"1"), Said("c", b"3"), Said("b", b"x"))
    assert [whole for whole, _ in found] == ["OK", "FILE_NOT_FOUND", "CHECKSUM_ERROR"]


@pytest.mark.parametrize("cuts", [[70_000], [5, 100_000], [0, 75_000, 75_000, 149_990]])
async def test_parts_are_joined_without_a_copy(house: House, cuts: list[int]) -> None:
    """GB017 without zip; MD005. Said again, the answer is the same and nothing is there twice."""
    partner = await house.partner("partner")
    pieces = cut_at(LARGE, cuts)
    parts = [Said(f"x.{number}", piece) for number, piece in enumerate(pieces)]
    for part in parts:
        await put(house, partner, f"d/{part.name}", part.data)
    segments = await segments_of(house)
    said = Said("whole.pdf", LARGE, "d/", parts=parts)
    for _ in range(2):
        assert await judge(house, partner, said) == [("OK", ["OK"] * len(parts))]
        assert await contents_of(house, partner) == {"whole.pdf": LARGE}
    large = {each for each in await segments_of(house) if each.length > 20_000}
    assert large <= segments
    (file,) = [each for each in await files_of(house) if each.state == "live"]
    quota = await house.kade.catalog.read(lambda tx: tx.quotas.get(file.space_id))
    assert quota is not None and (quota.used, quota.reserved) == (len(LARGE), 0)


async def test_what_is_wrong_with_a_part_is_told(house: House) -> None:
    partner = await house.partner("partner")
    pieces = cut_at(LARGE, [50_000, 100_000])
    parts = [Said(f"x.{number}", piece) for number, piece in enumerate(pieces)]
    whole = Said("w", LARGE, "ignored.name", parts=parts)
    assert await judge(house, partner, whole) == [("FILE_NOT_FOUND", ["FILE_NOT_FOUND"] * 3)]
    await put(house, partner, "x.0", pieces[0])
    await put(house, partner, "x.1", pieces[0])
    await put(house, partner, "x.2", pieces[2][1:])
    told = ["OK", "CHECKSUM_ERROR", "INCORRECT_FILE_SIZE"]
    assert await judge(house, partner, whole) == [("CHECKSUM_ERROR", told)]
    await put(house, partner, "x.1", pieces[1])
    await put(house, partner, "x.2", pieces[2])
    for changes, status in (
        ({"checksum": "ab"}, "CHECKSUM_ERROR"),
        ({"size": 1}, "INCORRECT_FILE_SIZE"),
        ({"parts": parts[::-1]}, "CHECKSUM_ERROR"),
        ({"parts": [*parts, Said("../x", b"")]}, "FILE_NOT_FOUND"),
    ):
        wrong = Said(**{**vars(whole), **changes})
        assert (await judge(house, partner, wrong))[0][0] == status, changes
    assert set(await contents_of(house, partner)) == {"x.0", "x.1", "x.2"}
    assert await judge(house, partner, whole) == [("OK", ["OK"] * 3)]


@pytest.mark.parametrize("cuts", [[], [100_000], [40_000, 90_000, 120_000]])
async def test_an_archive_is_unpacked(house: House, cuts: list[int]) -> None:
    """GB017: split as ZIP4J does it, whatever the order in which the parts are named."""
    partner = await house.partner("partner")
    volumes = archive(LARGE, cuts=cuts, signature=SPLIT)
    names = [f"w.pdf.z{number + 1:02}" for number in range(len(cuts))] + ["w.pdf.zip"]
    parts = [Said(name, volume) for name, volume in zip(names, volumes, strict=True)]
    for part in parts:
        await put(house, partner, part.name, part.data)
    said = Said("w.pdf", LARGE, "/", compression="ZIP4J", kind="SHA512", parts=parts[::-1])
    said.url = f"{house.exchange}/gb/{partner.id}/"
    for _ in range(2):
        assert await judge(house, partner, said) == [("OK", ["OK"] * len(parts))]
        assert await contents_of(house, partner) == {"w.pdf": LARGE}
    assert {each.state for each in await files_of(house)} == {"live", "erased"}


@pytest.mark.parametrize("compression", ["NONE", "ZIP4J"])
async def test_a_message_that_comes_several_times_at_once(house: House, compression: str) -> None:
    """A sender that waited in vain says it again, while we still read."""
    partner = await house.partner("partner")
    whole = LARGE if compression == "NONE" else archive(LARGE)[0]
    parts = [Said(f"w.z{number:02}", piece) for number, piece in enumerate(cut_at(whole, [70_000]))]
    for part in parts:
        await put(house, partner, part.name, part.data)
    said = Said("w", LARGE, "x", compression=compression, parts=parts)
    answers = await asyncio.gather(*(judge(house, partner, said) for _ in range(4)))
    assert answers == [[("OK", ["OK", "OK"])]] * 4
    assert await contents_of(house, partner) == {"w": LARGE}
    assert await house.kade.catalog.read(lambda tx: tx.quotas.actual(tx.files.page(None, 1)[0].space_id)) == (
        len(LARGE),
        0,
    )


async def test_an_archive_without_parts_is_unpacked(house: House) -> None:
    """Its own URL may end with the name of what comes out of it."""
    partner = await house.partner("partner")
    for data, url in itertools.product((b"", b"small", LARGE), ("w.zip", "w.pdf")):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr("../../evil.sh", data)
        said = Said("w.pdf", data, f"{len(data)}/{url[-3:]}/{url}", compression="ZIP4J")
        assert await status(house, partner, said) == "FILE_NOT_FOUND"
        await put(house, partner, said.url, packed.getvalue())
        for _ in range(2):
            assert await status(house, partner, said) == "OK"
            assert await contents_of(house, partner) == {"w.pdf": data}
        for path in (await house.call("GET", "/files")).json:
            await house.call("DELETE", f"/files/{path}")


LYING: list[tuple[bytes, dict[str, Any], str]] = [
    (archive(LARGE, flags=1)[0], {}, "COMPRESSION_NOT_SUPPORTED"),
    (archive(LARGE, code=12)[0], {}, "COMPRESSION_NOT_SUPPORTED"),
    (archive(LARGE, crc=1)[0], {}, "DECOMPRESSION_ERROR"),
    (archive(LARGE, entries=2)[0], {}, "DECOMPRESSION_ERROR"),
    (archive(LARGE)[0][:-1], {}, "DECOMPRESSION_ERROR"),
    (archive(LARGE[1:])[0], {}, "INCORRECT_FILE_SIZE"),
    (archive(LARGE[::-1])[0], {}, "CHECKSUM_ERROR"),
    (archive(packed=BOMBED, size=1 << 40, zip64=True)[0], {"size": 1 << 40}, "DECOMPRESSION_ERROR"),
]


async def test_archives_that_lie_leave_nothing(house: House) -> None:
    partner = await house.partner("partner")
    for volume, changes, expected in LYING:
        await put(house, partner, "w.zip", volume)
        said = Said(**{"name": "w", "data": LARGE, "url": "w.zip", "compression": "ZIP4J", **changes})
        assert await status(house, partner, said) == expected, changes
        assert await contents_of(house, partner) == {"w.zip": volume}
    states = [each.state for each in await files_of(house)]
    assert states.count("live") == 1 and set(states) <= {"live", "refused", "erased"}


async def test_a_box_without_room_for_what_comes_out(build: Build) -> None:
    async with build({"KADE_UPLOADS_QUOTA": "200000"}) as house:
        partner = await house.partner("partner")
        await put(house, partner, "w.zip", archive(LARGE)[0])
        assert await status(house, partner, Said("w", LARGE, "w.zip", compression="ZIP4J")) == "UNKNOWN_ERROR"
        pieces = [Said(f"x{number}", piece) for number, piece in enumerate(cut_at(LARGE, [70_000]))]
        assert (await put(house, partner, "w.zip", b"")).status == 204
        for piece in pieces:
            await put(house, partner, piece.name, piece.data)
        assert (await judge(house, partner, Said("w", LARGE, "d", parts=pieces)))[0][0] == "OK"


async def test_checksums_can_be_restricted_and_the_host_counts_when_it_is_known(build: Build) -> None:
    settings = {"PUSH_CHECKSUMS": "SHA256,SHA384", "BASE_URL": "https://gb.example.nl/files/"}
    async with build({f"KADE_DIALECTS_FILESERVER_{key}": value for key, value in settings.items()}) as house:
        partner = await house.partner("partner")
        await put(house, partner, "a", b"1")
        await put(house, partner, "z.zip", archive(LARGE)[0])
        url = f"https://GB.example.nl:443/files/gb/{partner.id}/"
        part = Said("a", b"1", kind="MD5")
        said = [
            Said("a", b"1", url + "a", "SHA384"),
            Said("a", b"1", url + "a", "MD5"),
            Said("b", b"1", url, parts=[part]),
            Said("w", LARGE, url + "z.zip", "MD5", compression="ZIP4J"),
            Said("a", b"1", f"{house.exchange}/gb/{partner.id}/a"),
        ]
        unknown = "CHECKSUM_TYPE_NOT_SUPPORTED"
        assert await judge(house, partner, *said) == [
            ("OK", []),
            (unknown, []),
            (unknown, [unknown]),
            (unknown, []),
            ("FILE_NOT_FOUND", []),
        ]


ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
GOOD = request("https://localhost/files/gb/0/", Said("a", b"1"))


NO_REQUESTS: list[str | bytes] = [
    b"",
    b"<",
    b"\xff\xfe",
    b"<a/>",
    GOOD.replace("NONE", "RAR"),
    GOOD.replace("gb-4.0", "gb-1.0"),
    GOOD.replace("references-request", "references-response"),
    GOOD.replace("<size>1</size>", "<size>-1</size>"),
    GOOD.replace("<size>1</size>", "<size>18446744073709551616</size>"),
    GOOD.replace("SHA256", "CRC32"),
    "<!DOCTYPE x>" + GOOD,
    f'<!DOCTYPE x [<!ENTITY e0 "x">{ENTITIES}]>' + GOOD.replace("contextId=", 'x="&e9;" contextId='),
    '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>' + GOOD.replace("<size>1", "<size>&f;1"),
    '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">' + GOOD,
    "<a>" * 100_000,
    "<a " + " ".join(f'x{n}=""' for n in range(50_000)) + "/>",
    request("https://x/", *[Said("a", b"1")] * 1001),
]


async def test_documents_that_are_no_request(house: House) -> None:
    """Whatever the attack, it is refused soon."""
    partner = await house.partner("partner")
    for number, document in enumerate(NO_REQUESTS):
        began = time.monotonic()
        answer = await post(house, partner, document)
        assert (answer.status, answer.body) == (400, b""), number
        assert time.monotonic() - began < 2, number
        assert (await house.journal())[-1].reason == "request.not_valid"


async def test_who_may_ask(house: House) -> None:
    partner = await house.partner("partner")
    await put(house, partner, "a", b"1")
    document = request(f"{house.exchange}/gb/0/", Said("a", b"1"))
    reader = await house.application("reader", [Verb.LIST, Verb.READ])
    assert (await post(house, partner, document, by=reader)).status == 403
    writer = await house.application("writer", [Verb.READ, Verb.WRITE, Verb.REMOVE])
    assert (await post(house, partner, document, by=writer)).status == 200
    partner.id = 77
    assert (await post(house, partner, document)).status == 404
    partner.id = 0
    assert (await post(house, partner, " " * (MIB + 1))).status == 413
    assert (
        (await post(house, partner, document, headers={"Accept": "text/xml"}))
        .headers["Content-Type"]
        .startswith("text/xml")
    )


async def files_of(house: House) -> list[Any]:
    return await house.kade.catalog.read(lambda tx: tx.files.page(None, 99))


async def segments_of(house: House) -> set[Segment]:
    return set(await house.kade.catalog.read(lambda tx: tx.segments.page(None, 99)))
