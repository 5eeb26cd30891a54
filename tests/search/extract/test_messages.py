"""Messages: e-mail as senders write it, and Outlook's format (files/README.md)."""

import json

from tests.support.extraction import FILES, Reader, kinds

from kade.core.clock import Millis
from kade.core.extraction import Attachment, RemarkKind
from kade.core.search import Kind

SENT = Millis(1_709_629_800_000)  # 2024-03-05 09:10 UTC

MAIL = """\
Received: from kade.example
Message-ID: <eerste@kade.example>
Date: Tue, 05 Mar 2024 10:10:00 +0100
From: =?utf-8?q?Zo=C3=AB_van_der_Kade?= <zoe@kade.example>
To: "Auteur, Anna" <anna@kade.example>, ben@kade.example
Cc: =?iso-8859-1?q?Ren=E9?= <rene@kade.example>
Bcc: stil@kade.example
Subject: =?utf-8?b?UmXDvG5pZSBpbg==?= =?utf-8?b?IGhldCBjYWbDqQ==?=
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="buiten"

--buiten
Content-Type: multipart/alternative; boundary="binnen"

--binnen
Content-Type: text/plain; charset=iso-8859-15
Content-Transfer-Encoding: quoted-printable

De kosten zijn =A4 25 per persoon.
--binnen
Content-Type: text/html; charset=utf-8

<p>Alleen in de <b>opgemaakte</b> tekst</p>
--binnen--
--buiten
Content-Type: text/csv; charset=windows-1252; name="deelnemers.csv"
Content-Disposition: attachment; filename*=utf-8''deelnemers%20caf%C3%A9.csv;
 creation-date="Mon, 04 Mar 2024 09:00:00 +0000"
Content-Transfer-Encoding: base64

bmFhbTtwbGFhdHMKUmVu6TtDdXJh56FvCg==
--buiten
Content-Type: message/rfc822

Subject: Ingesloten bericht
From: Derde <derde@kade.example>
Content-Type: multipart/mixed; boundary="diep"

--diep
Content-Type: text/plain

Diep verborgen zin.
--diep
Content-Type: application/octet-stream; name="diep.txt"
Content-Disposition: attachment; filename="diep.txt"

Nog dieper verborgen zin.
--diep--

--buiten
Content-Type: image/png; name="=?utf-8?q?plaatje_=C3=A9=C3=A9n.png?="
Content-Disposition: inline
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--buiten--
""".replace("\n", "\r\n").encode()


async def test_a_message(reader: Reader) -> None:
    found = await reader.read(MAIL, "bericht.eml")
    assert found.remarks == ()
    assert (found.kind, found.media_type, found.modified_at) == (Kind.EMAIL, "message/rfc822", SENT)
    assert (found.title, found.author) == ("Reünie in het café", "Zoë van der Kade <zoe@kade.example>")
    for said in ("De kosten zijn € 25 per persoon.", "Diep verborgen zin.", "Nog dieper verborgen zin."):
        assert said in found.text
    for named in ("René", "Anna", "Ingesloten bericht", "deelnemers café.csv"):
        assert named in found.text
    assert "opgemaakte" not in found.text  # the same once more, for another eye
    assert found.attachments == (
        Attachment("deelnemers café.csv", 25, "text/csv", Millis(1_709_542_800_000)),
        Attachment("Ingesloten bericht.eml", 328, "message/rfc822", SENT),
        Attachment("plaatje één.png", 8, "image/png", SENT),
    )


async def test_its_properties_are_as_written_and_in_order(reader: Reader) -> None:
    found = await reader.read(MAIL, "bericht.eml")
    assert json.dumps(json.loads(found.properties), ensure_ascii=False) == found.properties
    assert list(json.loads(found.properties)) == ["Message-ID", "Subject", "From", "To", "CC", "BCC"]
    assert json.loads(found.properties) == {
        "Message-ID": "<eerste@kade.example>",
        "Subject": "Reünie in het café",
        "From": {"Name": "Zoë van der Kade", "Address": "zoe@kade.example"},
        "To": [
            {"Name": "Auteur, Anna", "Address": "anna@kade.example"},
            {"Name": "", "Address": "ben@kade.example"},
        ],
        "CC": [{"Name": "René", "Address": "rene@kade.example"}],
        "BCC": [{"Name": "", "Address": "stil@kade.example"}],
    }


async def test_the_bytes_of_its_attachments(reader: Reader) -> None:
    found = await reader.attachments(MAIL, "m.eml", ["deelnemers café.csv", "Ingesloten bericht.eml"])
    assert found["deelnemers café.csv"] == b"naam;plaats\nRen\xe9;Cura\xe7\xa1o\n"
    inner = await reader.read(found["Ingesloten bericht.eml"], "inner.eml")
    assert (inner.title, inner.attachments[0].name) == ("Ingesloten bericht", "diep.txt")


async def test_a_message_that_is_only_a_page(reader: Reader) -> None:
    page = "<html><head><style>p{color:red}</style></head><body><p>Één <i>co&ouml;peratie</i></p>"
    page += "<script>weg()</script>"
    mail = f"Subject: Pagina\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n{page}".encode()
    found = await reader.read(mail, "m.eml")
    assert "Één coöperatie" in found.text
    assert "color" not in found.text
    assert "weg" not in found.text
    assert found.title == "Pagina"


async def test_attachments_of_one_name(reader: Reader) -> None:
    part = 'Content-Disposition: attachment; filename="a.txt"\n\n{}\n'
    parts = "".join(f"--x\n{part.format(number)}" for number in (1, 2, 3))
    mail = f"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n{parts}--x--\n".encode()
    found = await reader.read(mail, "m.eml")
    assert [each.name for each in found.attachments] == ["a.txt", "a (2).txt", "a (3).txt"]
    assert await reader.attachments(mail, "m.eml", ["a (2).txt"]) == {"a (2).txt": b"2"}


async def test_a_message_with_broken_headers_is_read_as_far_as_it_goes(reader: Reader) -> None:
    mail = (
        b"From: =?no-such-charset?q?Ren=E9?= <rene@kade.example\r\nTo: ,,, <>\r\nDate: gisteren\r\n"
        b"Subject: caf\xe9 =?utf-8?b?!!!?= einde\r\n"
        b'Content-Type: text/plain; charset="bestaat-niet"\r\n\r\nco\xf6rdinatie\r\n'
    )
    found = await reader.read(mail, "m.eml")
    assert "coördinatie" in found.text
    assert found.title.startswith("café")
    assert found.modified_at is None
    assert json.loads(found.properties)["From"]["Address"].startswith("rene@kade.example")


async def test_a_message_without_a_name_that_tells(reader: Reader) -> None:
    assert (await reader.read(MAIL, "zonder-naam")).kind is Kind.EMAIL
    memo = b"Van: Anna\nAan: Ben\nDate: morgen\nBetreft: memo\n\nGewone tekst.\n"
    assert (await reader.read(memo, "memo.txt")).media_type == "text/plain"


async def test_a_message_of_outlook(reader: Reader) -> None:
    found = await reader.read((FILES / "bericht.msg").read_bytes(), "bericht.msg")
    assert found.remarks == ()
    assert (found.kind, found.media_type) == (Kind.EMAIL, "application/vnd.ms-outlook")
    assert (found.title, found.author) == ("Offerte reünie € 100", "Ben Boekhouder <ben@kade.example>")
    assert found.modified_at == SENT
    assert json.loads(found.properties) == {
        "Message-ID": "<bericht-1@kade.example>",
        "Subject": "Offerte reünie € 100",
        "From": {"Name": "Ben Boekhouder", "Address": "ben@kade.example"},
        "To": [{"Name": "Anna Auteur", "Address": "anna@kade.example"}],
        "CC": [{"Name": "Carla Spreker", "Address": "carla@kade.example"}],
        "BCC": [{"Name": "", "Address": "stil@kade.example"}],
    }
    for said in (
        "Hierbij de offerte voor het café.",
        "Bedrag van de offerte: 100 euro",
        "Tekst van het ingesloten bericht",
    ):
        assert said in found.text
    assert found.attachments[0] == Attachment("offerte één.txt", 6400, "text/plain", SENT)
    assert found.attachments[1].name == "Doorgestuurd.msg"


async def test_a_message_within_one_of_outlook_is_a_message_of_its_own(reader: Reader) -> None:
    content = (FILES / "bericht.msg").read_bytes()
    found = await reader.attachments(content, "bericht.msg", ["offerte één.txt", "Doorgestuurd.msg"])
    assert found["offerte één.txt"] == b"Bedrag van de offerte: 100 euro\n" * 200
    inner = await reader.read(found["Doorgestuurd.msg"], "Doorgestuurd.msg")
    assert (inner.title, inner.author, inner.modified_at) == (
        "Doorgestuurd",
        "Derde <derde@kade.example>",
        SENT,
    )


async def test_a_damaged_message_of_outlook(reader: Reader) -> None:
    content = (FILES / "bericht.msg").read_bytes()
    found = await reader.read(content[: len(content) // 2], "half.msg")
    assert kinds(found) <= {RemarkKind.DAMAGED}
    assert kinds(found)
