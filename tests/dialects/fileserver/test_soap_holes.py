"""Past holes of others (field 4.5), tried by SOAP: paths, names, links, headers."""

from pathlib import Path

from tests.dialects.fileserver.house import House
from tests.dialects.fileserver.soap import MTOM, Soap, enveloped, include, part, related, upload_file, wrapped

from kade.auth import bearer
from kade.core.ports import Tx
from kade.core.principals import CredentialKind
from kade.services import principals
from kade.services.installing import local_operator

PATHS = ("../a", "..%2fa", "%2e%2e/a", "/etc/passwd", "a/../../b", "..\\a", "a%00", "..;/a", "", ".", "*")


async def test_a_path_is_looked_up_and_never_followed(house: House) -> None:
    partner = await house.partner("partner")
    path = (await house.upload(partner.id, b"x")).text
    soap = Soap(house)
    for odd in (*PATHS, path[:-1], path.swapcase(), f" {path}", f"{path}/"):
        for service, operation in (
            ("file", "getFileInfo"),
            ("file", "downloadFile"),
            ("file", "deleteFile"),
            ("gb", "getExternalDataReference"),
        ):
            reply = await soap.call(service, operation, f"<path>{odd}</path>")
            assert reply.fault == ("soap:Server", "File not found!"), (odd, operation)
    assert (await soap.call("file", "getFiles")).texts("path") == [path]


async def test_nothing_leads_out_of_the_share(house: House, tmp_path: Path) -> None:
    partner = await house.partner("partner")
    path = (await house.upload(partner.id, b"x")).text
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "in" / "folder").symlink_to(tmp_path)
    (tmp_path / "out" / "folder").symlink_to(tmp_path)
    soap = Soap(house)
    for name in (*PATHS, "../secret", "link", "folder/secret"):
        inner = f"<userId>0</userId><file><name>{name}</name></file>"
        reply = await soap.call("file", "uploadFileFromFs", inner)
        assert reply.answer.status == 500 and reply.fault, name
    for name in ("../new", "folder/new", "/new", "a/../../new", "..", ""):
        inner = f"<path>{path}</path><filename>{name}</filename>"
        reply = await soap.call("file", "downloadFileToFs", inner)
        assert reply.answer.status == 500 and reply.fault, name
    assert not (tmp_path / "new").exists() and list((tmp_path / "out").iterdir()) == [
        tmp_path / "out" / "folder"
    ]
    assert (await soap.call("file", "getFiles")).texts("path") == [path]


async def test_names_of_users_become_no_paths(house: House) -> None:
    soap = Soap(house)
    for name in ("..", "../..", "a/b", "a\\b", "%username%", "a b", "&#10;abc", "ab"):
        certificate = house.authority.issue_client("user").base64_der
        inner = f"<user><name>{name}</name><certificate>{certificate}</certificate></user>"
        reply = await soap.call("user", "createUser", inner)
        assert reply.fault[0] == "soap:Client", name
    assert (await soap.call("user", "getUsers")).texts("users") == []


async def test_a_name_stays_within_its_header(house: House) -> None:
    await house.partner("partner")
    soap = Soap(house)
    envelope = enveloped(wrapped("file", "uploadFile", upload_file(0, include("c"))))
    for given, kept in (
        ("../../etc/passwd", "passwd"),
        ("C:\\a\\b.txt", "b.txt"),
        ('a\\"; x="b', 'a"; x="b'),
        ("a;b", "a;b"),
    ):
        headers = (
            "Content-Type: text/html; charset=x",
            f'Content-Disposition: attachment; filename="{given}"',
        )
        body = related(envelope, part("c", b"x", *headers))
        uploaded = await soap.post("file", body, {"Content-Type": MTOM})
        inner = f"<path>{uploaded.text('path')}</path>"
        assert (await soap.call("file", "getFileInfo", inner)).text("fileInfo/name") == kept
        fetched = await soap.call("file", "downloadFile", inner)
        head = fetched.answer.body.rpartition(b"\r\n\r\nx\r\n")[0].rpartition(b"\r\n--")[2].decode()
        names = [line.partition(":")[0] for line in head.split("\r\n")[1:]]
        assert names == ["Content-Type", "Content-Transfer-Encoding", "Content-ID", "Content-Disposition"]
        assert "Content-Type: text/html\r\n" in head
        assert fetched.answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_key_that_was_revoked_opens_nothing(house: House) -> None:
    soap = Soap(house)
    assert (await soap.call("file", "getFiles")).answer.status == 200

    def revoke(tx: Tx) -> None:
        found = tx.credentials.presented(CredentialKind.KEY, bearer.fingerprint(house.key))
        assert found is not None
        principals.revoke(tx, local_operator(tx), found)

    await house.kade.catalog.write(revoke)
    refused = await soap.call("file", "getFiles")
    assert (refused.answer.status, refused.fault[0]) == (401, "soap:Client")
