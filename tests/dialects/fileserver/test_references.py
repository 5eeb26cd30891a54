"""The external-data-reference (spec 3): JSON as clients know it, XML that is valid, names that may be."""

import hashlib
import re
from datetime import datetime
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from tests.dialects.fileserver.conftest import Build
from tests.dialects.fileserver.house import House

from kade.core.clock import Millis
from kade.web.grote_berichten.references import Reference, as_xml, file_name

NAMESPACE = "{http://www.logius.nl/digikoppeling/gb/2010/10}"
FRAME = {"startDate": "2026-01-05T09:00:00+01:00", "endDate": "2036-02-05T08:00:00Z"}


def schema(name: str) -> etree.XMLSchema:
    return etree.XMLSchema(
        etree.fromstring(files("kade.web.grote_berichten").joinpath("schema", name).read_bytes())
    )


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest().upper()


async def test_the_json_form(house: House) -> None:
    await house.partner("partner")
    path = (await house.upload(0, b"hello", "bouwtekening.pdf", **FRAME)).text
    answer = await house.call("GET", f"/gb/externalDataReference/{path}")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json == {
        "profile": "DIGIKOPPELING_GB_1_0",
        "dataReference": [
            {
                "contextId": md5(b"hello"),
                "lifetime": {
                    "creationTime": {"value": "2026-01-05T08:00:00.000+00:00", "type": "xs:dateTime"},
                    "expirationTime": {"value": "2036-02-05T08:00:00.000+00:00", "type": "xs:dateTime"},
                },
                "content": {
                    "filename": "bouwtekening.pdf",
                    "checksum": {"value": md5(b"hello"), "type": "MD5"},
                    "size": 5,
                    "contentType": "application/octet-stream",
                },
                "transport": {
                    "location": {
                        "senderUrl": {
                            "value": f"{house.server.bases['exchange']}/files/download/{path}",
                            "type": "xs:anyURI",
                        }
                    }
                },
            }
        ],
    }


async def test_the_xml_form_is_valid_and_tells_the_same(house: House) -> None:
    await house.partner("partner")
    paths = [
        (await house.upload(0, b"one", "één bestand.txt")).text,
        (await house.upload(0, b"", "2", **FRAME)).text,
    ]
    target = f"/gb/externalDataReference/{','.join(paths)}"
    for accept in ("application/xml", "text/xml;q=0.9, application/json;q=0.1"):
        answer = await house.call("GET", target, headers={"Accept": accept})
        assert answer.headers["Content-Type"] == f"{accept.partition(';')[0]}; charset=utf-8"
        assert b"<gb:digikoppeling-external-data-references " in answer.body
        document = etree.fromstring(answer.body)
        schema("gb-2010-10.xsd").assertValid(document)
        told = [document.findtext(f".//{NAMESPACE}data-reference[{n}]//{NAMESPACE}filename") for n in (1, 2)]
        assert told == ["een_bestand.txt", "_2"]
        lifetimes = document.findall(f".//{NAMESPACE}lifetime")
        assert [len(each) for each in lifetimes] == [0, 2]
        moments = [datetime.fromisoformat(each.text or "") for each in lifetimes[1]]
        assert moments == [datetime.fromisoformat(FRAME[name]) for name in ("startDate", "endDate")]
        urls = [each.text or "" for each in document.iter(f"{NAMESPACE}senderUrl")]
        assert [url.rpartition("/")[2] for url in urls] == paths


async def test_checksum_and_address_are_settings(build: Build) -> None:
    async with build(
        {
            "KADE_DIALECTS_FILESERVER_REFERENCE_CHECKSUM": "SHA256",
            "KADE_DIALECTS_FILESERVER_BASE_URL": "https://gb.example.nl/files/",
        }
    ) as house:
        await house.partner("partner")
        path = (await house.upload(0, b"hello")).text
        one = (await house.call("GET", f"/gb/externalDataReference/{path}")).json["dataReference"][0]
        sha256 = hashlib.sha256(b"hello").hexdigest().upper()
        assert one["content"]["checksum"] == {"value": sha256, "type": "SHA256"}
        assert one["lifetime"] == {}
        assert (
            one["transport"]["location"]["senderUrl"]["value"]
            == f"https://gb.example.nl/files/download/{path}"
        )


@pytest.mark.parametrize("kind", ["MD5", "SHA1", "SHA256", "SHA384", "SHA512"])
async def test_every_checksum_of_the_standard(build: Build, kind: str) -> None:
    """MD006."""
    async with build({"KADE_DIALECTS_FILESERVER_REFERENCE_CHECKSUM": kind}) as house:
        await house.partner("partner")
        data = b"hello" * 10_000
        path = (await house.upload(0, data)).text
        for _ in range(2):
            answer = await house.call("GET", f"/gb/externalDataReference/{path}")
            digest = hashlib.new(kind.lower(), data, usedforsecurity=False).hexdigest().upper()
            content = answer.json["dataReference"][0]["content"]
            assert content["checksum"] == {"value": digest, "type": kind}
        accepted = {"Accept": "application/xml"}
        document = await house.call("GET", f"/gb/externalDataReference/{path}", headers=accepted)
        schema("gb-2010-10.xsd").assertValid(etree.fromstring(document.body))


async def test_no_two_files_of_a_partner_have_one_name(house: House) -> None:
    """MD007: a name is given once, and stays with its file whatever becomes of others."""
    await house.partner("partner")
    await house.partner("other")

    async def told(*paths: str) -> list[str]:
        answer = await house.call("GET", f"/gb/externalDataReference/{','.join(paths)}")
        assert answer.status == 200, answer
        return [each["content"]["filename"] for each in answer.json["dataReference"]]

    paths = [(await house.upload(0, b"x", "jaar verslag.pdf")).text for _ in range(12)]
    first = await told(*paths)
    assert len(set(first)) == 12 and "jaar_verslag.pdf" in first
    assert all(re.fullmatch(r"jaar_verslag(-\d+)?\.pdf", name) for name in first)
    await house.call("DELETE", f"/files/{paths[first.index('jaar_verslag.pdf')]}")
    left = [path for path, name in zip(paths, first, strict=True) if name != "jaar_verslag.pdf"]
    assert await told(*left) == [name for name in first if name != "jaar_verslag.pdf"]
    assert await told((await house.upload(1, b"x", "jaar verslag.pdf")).text) == ["jaar_verslag.pdf"]
    long = [(await house.upload(0, b"x", "a" * 250)).text for _ in range(2)]
    assert sorted(await told(*long)) == ["a" * 198 + "-2", "a" * 200]


async def test_a_reference_is_whole_or_refused(house: House) -> None:
    await house.partner("partner")
    path = (await house.upload(0, b"x")).text
    for paths in ("unknown", f"{path},unknown", f"{path},", ",", ",".join([path] * 101), "%2e%2e"):
        answer = await house.call("GET", f"/gb/externalDataReference/{paths}")
        assert (answer.status, answer.body) == (404, b""), paths
    refused = await house.call("GET", f"/gb/externalDataReference/{path}", headers={"Accept": "text/html"})
    assert refused.status == 406


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("report.pdf", "report.pdf"),
        ("_x-1.2", "_x-1.2"),
        ("jaar verslag (2).pdf", "jaar_verslag_2_.pdf"),
        ("Ångström é.txt", "Angstrom_e.txt"),
        ("1.pdf", "_1.pdf"),
        ("-x", "_-x"),
        (".profile", "_.profile"),
        ("日本", "_"),
        ("a" * 250 + ".tar", "a" * 196 + ".tar"),
        ("a" * 250, "a" * 200),
        ("a." + "b" * 250, "a." + "b" * 198),
    ],
)
def test_names_are_rewritten_by_the_rule(name: str, written: str) -> None:
    assert file_name(name) == written


@given(name=st.text(min_size=1, max_size=255), length=st.integers(0, 2**63 - 1), start=st.integers(0, 2**41))
def test_whatever_a_file_is_called_its_reference_is_valid(name: str, length: int, start: int) -> None:
    written = file_name(name)
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9._-]{0,199}", written)
    assert file_name(written) == written
    reference = Reference(name, "a/b", length, "MD5", "AB", Millis(start), None, "https://x/y")
    schema("gb-2010-10.xsd").assertValid(etree.fromstring(as_xml([reference])))


PUSH = """<digikoppeling-external-data-references-{kind} profile="digikoppeling-gb-4.0"
  xmlns="http://www.logius.nl/digikoppeling/gb/2020/09"><data-reference-{kind} contextId="c">
  <compression>ZIP4J</compression><content contentType="application/zip"><filename>a b.zip</filename>
  <checksum type="SHA256">AB</checksum><size>5</size>{whole}
  <transport><location><receiverUrl type="xs:anyURI">https://x/y/</receiverUrl></location>
  <part><filename>a.z01</filename><checksum type="MD5">AB</checksum><size>1</size>{part}</part></transport>
  </content></data-reference-{kind}></digikoppeling-external-data-references-{kind}>"""


def test_the_schema_for_push_knows_requests_and_responses() -> None:
    push, verdict = schema("gb-2020-09.xsd"), "<status>{}</status>"
    request = PUSH.format(kind="request", part="", whole="")
    bad = "<status>CHECKSUM_ERROR</status><reason>it differs</reason>"
    response = PUSH.format(kind="response", part=verdict.format("OK"), whole=bad)
    push.assertValid(etree.fromstring(request))
    push.assertValid(etree.fromstring(response))
    for broken in (
        PUSH.format(kind="response", part="", whole=""),
        PUSH.format(kind="response", part=verdict.format("FINE"), whole=verdict.format("OK")),
        request.replace("ZIP4J", "RAR"),
        request.replace("gb-4.0", "gb-1.0"),
    ):
        assert not push.validate(etree.fromstring(broken))
