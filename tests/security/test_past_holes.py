"""Past holes of others, and what keeps them closed here.

| Class of hole | Tests |
|---|---|
| path traversal through upload ids and download paths | here: `test_strange_paths_are_unknown_paths` |
| names that become paths or headers | here: `test_names_stay_names`; `fileserver/test_users` |
| symbolic links in the shares, at leaf and parent | `fileserver/test_share` |
| upload hijack across users | here: `test_somebody_elses_upload_is_unknown_to_every_verb` |
| stale rights | `test_stale_rights`, `fileserver/test_files` (removed users), `auth/test_tokens` |
| forged identity | `test_oin`, `auth/test_proofs` |
| JWT confusion | `auth/test_token_confusion` |
| check-then-write races | here: `test_fifty_at_once_do_not_pass_the_quota`; `catalog/test_interleaving` |
| XSS by served uploads | here: `test_a_served_upload_cannot_act` |
| header injection | here: `test_names_stay_names`, `test_request_ids_are_kept_when_harmless` |
| range bombs | here: `test_ten_thousand_ranges`; `core/test_ranges` |
| multipart bombs | `fileserver/test_forms` |
| huge metadata and headers, slow headers, smuggling, trailers | here and `test_connections` |
| secrets in logs | here: `test_logs_and_journal_hold_no_secret`; `web/test_oauth` |
| internal errors | here: `test_odd_requests_never_end_in_an_internal_error`; `test_odd_input` |
"""

from __future__ import annotations

import base64
import json
import os
import random
import re
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.support import raw_tus
from tests.support.kade_server import KadeServer
from tests.support.quay import DOWNLOAD, UPLOAD, Partner, new_partner
from tests.support.raw_http import ConnectionEnded, RawConnection, Response, build_request

STRANGE = [
    "%2e%2e%2f%2e%2e%2fkade.toml",
    "..%2f..%2fcatalog.sqlite",
    "%5c..%5c..%5ckade.toml",
    "%00",
    "x%00.bin",
    "..;/kade.toml",
    "%c0%ae%c0%ae%c0%af",
    "%252e%252e%252f",
    "/etc/passwd",
    "%5c%5chost%5cshare",
    "a%0d%0aSet-Cookie:%20x=y",
    "%ff%fe",
    "%ed%a0%80",
    "a" * 5000,
]


def upload(partner: Partner, data: bytes, **metadata: str) -> str:
    with partner.connect() as connection:
        created = raw_tus.create(connection, UPLOAD, len(data), body=data, metadata=metadata)
        assert created.status == 201, created
        return raw_tus.target_of(created)


@pytest.mark.parametrize("key", STRANGE, ids=range(len(STRANGE)))
def test_strange_paths_are_unknown_paths(partner: Partner, key: str) -> None:
    with partner.connect() as connection:
        assert raw_tus.head(connection, f"{UPLOAD}/{key}").status == 404
        assert raw_tus.patch(connection, f"{UPLOAD}/{key}", 0, b"x").status == 404
        assert raw_tus.terminate(connection, f"{UPLOAD}/{key}").status == 404
        assert connection.request("GET", f"{DOWNLOAD}/{key}").status == 404
        assert connection.request("GET", f"{DOWNLOAD}/{key}.md5").status == 404


def test_a_longer_path_does_not_name_the_same_upload(partner: Partner) -> None:
    target = upload(partner, b"abc")
    with partner.connect() as connection:
        for tail in ("%3Fx", "%23x", "%00", "%20", "/", "%2f", ";x"):
            assert raw_tus.head(connection, target + tail).status == 404, tail
        assert raw_tus.head(connection, target + "?x").status == 200


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("a\r\nSet-Cookie: x=y", 400),
        ("a\x00b", 400),
        ("..", 400),
        ("\u202egpj.exe", 400),
        ("../../etc/passwd", 201),
        ('q"uote;\\ x.txt', 201),
        ("naïve – ☃.txt", 201),
    ],
)
def test_names_stay_names(partner: Partner, name: str, status: int) -> None:
    with partner.connect() as connection:
        metadata = {"filename": name}
        created = raw_tus.create(connection, UPLOAD, 3, body=b"abc", metadata=metadata)
        assert created.status == status
        if status != 201:
            return
        target = raw_tus.target_of(created).replace(UPLOAD, DOWNLOAD)
        response = connection.request("GET", target)
    assert response.status == 200 and "Set-Cookie" not in response.headers
    disposition = response.headers["Content-Disposition"]
    assert re.fullmatch(r"attachment; filename=\"[ -!#-\[\]-~]*\"(; filename\*=UTF-8''[!-~]*)?", disposition)
    assert ".." not in disposition


@pytest.mark.parametrize("host", ["evil.example/x?", "a b", "[", "x\tLocation: y", '"><script>'])
def test_a_strange_host_is_not_repeated(partner: Partner, host: str) -> None:
    with partner.connect() as connection:
        response = raw_tus.create(connection, UPLOAD, 3, headers={"Host": host})
    if response.status == 201:
        assert "evil" not in response.headers["Location"]
        assert re.fullmatch(r"[!-~]+", response.headers["Location"])
    else:
        assert response.status == 400


def test_request_ids_are_kept_when_harmless(partner: Partner) -> None:
    with partner.connect() as connection:
        for given in ("ok-1.2_3", "<script>", "a" * 65, "a b", "\xe9"):
            answer = raw_tus.options(connection, UPLOAD, {"X-Request-ID": given})
            told = answer.headers["X-Request-ID"]
            assert (told == given) is (given == "ok-1.2_3")
            assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", told)


def test_somebody_elses_upload_is_unknown_to_every_verb(quay: KadeServer, partner: Partner) -> None:
    other = new_partner(quay)
    with partner.connect() as mine:
        part = {"Upload-Concat": "partial"}
        target = raw_tus.target_of(raw_tus.create(mine, UPLOAD, 6, headers=part))
        whole = upload(partner, b"secret")

    def tried(connection: RawConnection, path: str, finished: str) -> list[object]:
        override = {"X-HTTP-Method-Override": "PATCH", "Upload-Offset": "0"}
        override |= {"Content-Type": raw_tus.OFFSET_TYPE, "Tus-Resumable": "1.0.0"}
        responses = [
            raw_tus.head(connection, path),
            raw_tus.patch(connection, path, 0, b"abcdef"),
            connection.request("POST", path, list(override.items()), b"abcdef"),
            raw_tus.terminate(connection, path),
            raw_tus.concatenate(connection, UPLOAD, [path]),
            *(
                connection.request("GET", finished.replace(UPLOAD, DOWNLOAD) + suffix)
                for suffix in ("", ".md5", ".sha256")
            ),
        ]
        return [seen(each) for each in responses]

    with other.connect() as theirs:
        nothing = f"{UPLOAD}/{'x' * 127}"
        assert tried(theirs, target, whole) == tried(theirs, nothing, nothing)
    assert partner.offset(target) == 0
    assert partner.download(whole).body == b"secret"


def seen(response: Response) -> object:
    ignored = ("date", "x-request-id")
    lines = [(name, value) for name, value in response.headers.lines if name.lower() not in ignored]
    return response.status, lines, response.body


def test_fifty_at_once_do_not_pass_the_quota(tmp_path: Path) -> None:
    with KadeServer(tmp_path / "data", environment={"KADE_UPLOADS_QUOTA": "10KiB"}) as server:
        partner = new_partner(server)
        gate, statuses = threading.Barrier(50), []

        def create() -> None:
            with partner.connect(60) as connection:
                gate.wait(60)
                statuses.append(raw_tus.create(connection, UPLOAD, 1024).status)

        threads = [threading.Thread(target=create) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [201] * 10 + [507] * 40
        server.run("doctor")


@pytest.mark.parametrize("media_type", ["text/html", "image/svg+xml", "application/xhtml+xml"])
def test_a_served_upload_cannot_act(partner: Partner, media_type: str) -> None:
    page = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    response = partner.download(upload(partner, page, filename="a.svg", filetype=media_type))
    assert response.headers["Content-Disposition"].startswith("attachment")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("spec", ["0-", "{0}-{0}", "-{0}"])
def test_ten_thousand_ranges(partner: Partner, spec: str) -> None:
    target = upload(partner, b"r" * 12_000).replace(UPLOAD, DOWNLOAD)
    ranges, few = ("bytes=" + ",".join(spec.format(n * 2) for n in range(count)) for count in (2500, 40))
    with partner.connect() as connection:
        assert connection.request("GET", target, [("Range", ranges)]).status == 200
        response = connection.request("GET", target, [("Range", few)])
        assert response.status == 206 and len(response.body) < 24_000
        beyond = "bytes=" + ",".join("0-" for _ in range(10_000))
        assert connection.request("GET", target, [("Range", beyond)]).status in (200, 431)


def test_huge_metadata_and_headers_are_refused(partner: Partner) -> None:
    with partner.connect() as connection:
        metadata = {"filename": "a" * 9000}
        assert raw_tus.create(connection, UPLOAD, 3, metadata=metadata).status in (400, 413)
        assert raw_tus.create(connection, UPLOAD, 3, headers={"X": "y" * 40_000}).status == 431


def test_logs_and_journal_hold_no_secret(quay: KadeServer, partner: Partner) -> None:
    basic = base64.b64encode(b"somebody:hunter2hunter2").decode()
    with RawConnection.open("127.0.0.1", quay.web_port) as connection:
        for proof in (f"Bearer {quay.admin_key}", f"Basic {basic}", "Bearer kade_wrongwrong"):
            fields = [("Authorization", proof)]
            answer = connection.request("GET", "/service/rest/v1/files/nothing?token=queryquery", fields)
    upload(partner, b"abc")
    noted = answer.headers["X-Request-ID"].encode()
    deadline = time.monotonic() + 10
    while noted not in _catalog_bytes(quay):  # refusals are written a moment later
        assert time.monotonic() < deadline
        time.sleep(0.05)
    everything = quay.log_file.read_bytes() + _catalog_bytes(quay)
    for secret in (quay.admin_key, basic, "hunter2hunter2", "wrongwrong", "queryquery", "PRIVATE KEY"):
        assert secret.encode() not in everything, secret
    for each in quay.folder.glob("catalog.sqlite*"):
        assert each.stat().st_mode & 0o077 == 0


def _catalog_bytes(quay: KadeServer) -> bytes:
    """Not only what a reader would be told: all that is in the files."""
    return b"".join(each.read_bytes() for each in quay.folder.glob("catalog.sqlite*"))


def test_odd_requests_never_end_in_an_internal_error(quay: KadeServer, partner: Partner) -> None:
    seed = int(os.environ.get("KADE_TEST_SEED", "1"))
    dice = random.Random(seed)
    known = upload(partner, b"abcdef")
    doors: list[tuple[Callable[[], RawConnection], list[str]]] = [
        (partner.connect, [UPLOAD, known, known.replace(UPLOAD, DOWNLOAD), f"{DOWNLOAD}/x.md5"]),
        (
            partial(RawConnection.open, "127.0.0.1", quay.web_port),
            [f"/service/rest/v1{path}" for path in PATHS] + ["/service", "/metrics", "/healthz"],
        ),
    ]
    for turn in range(600):
        opened, paths = doors[turn % 2]
        request = odd_request(dice, dice.choice(paths), quay.admin_key)
        with opened() as connection:
            try:
                connection.send(request)
                status = connection.read_response(request.split(b" ", 1)[0].decode()).status
            except (ConnectionEnded, OSError):
                continue
        assert 200 <= status < 600, (seed, request)
    broken = [line for line in quay.log_lines() if '"internal error"' in line]
    assert not broken, (seed, json.loads(broken[0])["exception"])


PATHS = ["/users", "/users/1", "/files", "/files/x", "/files/x/info", "/files/user/1", "/files/fs/x/y"]
PATHS += ["/files/fs/user/1", "/gb/externalDataReference/x,y", "/users/openapi.json"]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
FIELDS = ["Accept", "Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "Content-Type"]
FIELDS += ["Upload-Length", "Upload-Offset", "Upload-Metadata", "Upload-Concat", "Upload-Checksum", "Host"]
FIELDS += ["Upload-Defer-Length", "X-HTTP-Method-Override", "Origin", "Trailer", "Expect", "Tus-Resumable"]
VALUES = [
    "",
    "0",
    "-1",
    "3",
    "9" * 19,
    "9" * 30,
    "\xe9\xff",
    "*/*;q=nan",
    "bytes=0-0,-1,x",
    '"',
    "W/",
    "[",
    "a;b=c",
]
VALUES += [
    "partial",
    "final;/files/upload/x http://[",
    "sha1 AAAA",
    "crc32 \xe9",
    "filename AAA=",
    ",,, ,",
    "%00",
]
VALUES += ["multipart/form-data; boundary=x", "application/json", raw_tus.OFFSET_TYPE, "PATCH", "DELETE", "1"]
BODIES = [b"", b"{}", b"[]", b"null", b'{"name":"\\ud800","certificate":"MAA="}', b"--x\r\n\r\n--x--\r\n"]
BODIES += [b'{"name":1e999}', b"\xff" * 50, b"[" * 5000, b'{"name":"a","certificate":"' + b"A" * 400 + b'"}']
BODIES += [b'--x\r\nContent-Disposition: form-data; name="file"; filename="\xff"\r\n\r\nabc\r\n--x--\r\n']


def odd_request(dice: random.Random, path: str, key: str) -> bytes:
    if dice.random() < 0.4:
        path += quote(
            dice.choice(["\x00", "/..", "\u202e", "é", "?force=\xff", ".sha256", "/", "%", "\n"]), safe="/?="
        )
    fields = [("Authorization", f"Bearer {key}")] if path.startswith("/service") else []
    if dice.random() < 0.8:
        fields.append(("Tus-Resumable", "1.0.0"))
    fields += [(name, dice.choice(VALUES)) for name in dice.sample(FIELDS, dice.randrange(1, 6))]
    fields.append(("Connection", "close"))
    return build_request(dice.choice(METHODS), path, fields, dice.choice(BODIES))
