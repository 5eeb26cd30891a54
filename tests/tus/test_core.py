"""tus 1.0.0, core protocol and creation: https://tus.io/protocols/resumable-upload."""

import os
import threading
import time

import pytest
from tests.support import raw_tus
from tests.support.kade_server import KadeServer
from tests.support.quay import UPLOAD, Partner, new_partner
from tests.support.raw_http import RawConnection, build_chunks

DATA = os.urandom(300_000)


def created(connection: RawConnection, length: int | None = len(DATA)) -> str:
    response = raw_tus.create(connection, UPLOAD, length)
    assert response.status == 201
    return raw_tus.target_of(response)


def test_options_tells_version_extensions_and_algorithms(partner: Partner) -> None:
    with partner.connect() as connection:
        response = raw_tus.options(connection, UPLOAD)
    assert response.status == 204
    assert response.headers["Tus-Resumable"] == "1.0.0"
    assert response.headers["Tus-Version"] == "1.0.0"
    assert set(response.headers["Tus-Extension"].split(",")) == {
        "creation",
        "creation-with-upload",
        "creation-defer-length",
        "expiration",
        "checksum",
        "checksum-trailer",
        "termination",
        "concatenation",
        "concatenation-unfinished",
    }
    assert set(response.headers["Tus-Checksum-Algorithm"].split(",")) == {
        "sha1",
        "md5",
        "crc32",
        "sha256",
        "sha512",
    }


def test_bytes_in_two_patches_come_out_as_one_file(partner: Partner) -> None:
    with partner.connect() as connection:
        target = created(connection)
        first = raw_tus.patch(connection, target, 0, DATA[:100_000])
        assert (first.status, raw_tus.offset_of(first)) == (204, 100_000)
        assert "Upload-Expires" in first.headers
        head = raw_tus.head(connection, target)
        assert (head.status, raw_tus.offset_of(head)) == (200, 100_000)
        assert head.headers["Upload-Length"] == str(len(DATA))
        assert head.headers["Cache-Control"] == "no-store"
        second = raw_tus.patch(connection, target, 100_000, DATA[100_000:])
        assert (second.status, raw_tus.offset_of(second)) == (204, len(DATA))
        assert "Upload-Expires" not in second.headers
    assert partner.download(target).body == DATA


def test_metadata_comes_back_verbatim(partner: Partner) -> None:
    metadata = raw_tus.encode_metadata({"filename": "a b.txt", "Content-Type": "text/plain", "flag": ""})
    with partner.connect() as connection:
        response = raw_tus.create(connection, UPLOAD, 5, headers={"Upload-Metadata": metadata})
        target = raw_tus.target_of(response)
        assert raw_tus.head(connection, target).headers["Upload-Metadata"] == metadata
        raw_tus.patch(connection, target, 0, b"hello")
    download = partner.download(target)
    assert download.headers["Content-Disposition"] == 'attachment; filename="a b.txt"'
    assert download.headers["Content-Type"] == "text/plain"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Tus-Resumable": None}, 412),
        ({"Tus-Resumable": "0.2.2"}, 412),
        ({"Upload-Length": None}, 400),
        ({"Upload-Length": "-1"}, 400),
        ({"Upload-Length": "ten"}, 400),
        ({"Upload-Length": "1" * 20}, 400),
        ({"Upload-Length": str(2**63)}, 400),
        ({"Upload-Defer-Length": "1"}, 400),
        ({"Upload-Length": None, "Upload-Defer-Length": "2"}, 400),
        ({"Upload-Metadata": "filename not-base64!"}, 400),
        ({"Upload-Metadata": "a Yg==,a Yg=="}, 400),
        ({"Upload-Metadata": "filename /w=="}, 400),
        ({"Upload-Metadata": "x " + "A" * 9000}, 413),
        ({"Upload-Metadata": "filename Li4="}, 400),
        ({"Upload-Metadata": "filename YQBi"}, 400),
        ({"Upload-Metadata": "filename YQ0KWDogeQ=="}, 400),
        ({"Upload-Metadata": "filename YQ==,Content-Type bm90YXR5cGU="}, 400),
        ({"Upload-Concat": "final"}, 400),
        ({"Upload-Concat": "whole"}, 400),
    ],
)
def test_a_bad_creation_is_refused(partner: Partner, headers: dict[str, str | None], status: int) -> None:
    with partner.connect() as connection:
        response = raw_tus.create(connection, UPLOAD, 10, headers=headers)
        assert response.status == status
        assert response.headers["Tus-Resumable"] == "1.0.0"
        assert response.headers["X-Request-ID"]
        if status == 412:
            assert response.headers["Tus-Version"] == "1.0.0"
        assert raw_tus.create(connection, UPLOAD, 10).status == 201  # the connection is as good as before


@pytest.mark.parametrize(
    ("offset", "headers", "status"),
    [
        (5, {}, 409),
        (0, {"Upload-Offset": None}, 400),
        (0, {"Upload-Offset": "-1"}, 400),
        (0, {"Upload-Offset": "x"}, 400),
        (0, {"Content-Type": "application/octet-stream"}, 415),
        (0, {"Content-Type": None}, 415),
        (0, {"Tus-Resumable": None}, 412),
        (0, {"Upload-Checksum": "sha3 AAAA"}, 400),
        (0, {"Upload-Checksum": "sha1 !!"}, 400),
        (0, {"Upload-Length": "11"}, 400),
    ],
)
def test_a_bad_append_changes_nothing(
    partner: Partner, offset: int, headers: dict[str, str | None], status: int
) -> None:
    with partner.connect() as connection:
        target = created(connection, 10)
        response = raw_tus.patch(connection, target, offset, b"12345", headers)
        assert response.status == status
        if status == 409:
            assert raw_tus.offset_of(response) == 0
        assert raw_tus.offset_of(raw_tus.head(connection, target)) == 0
        assert raw_tus.patch(connection, target, 0, b"1234567890").status == 204


def test_bytes_beyond_the_length_are_refused(partner: Partner) -> None:
    with partner.connect() as connection:
        target = created(connection, 10)
        assert raw_tus.patch(connection, target, 0, b"x" * 11).status == 413
    with partner.connect() as connection:
        chunked = raw_tus.patch_head(target, 0, None) + build_chunks([b"x" * 6, b"y" * 6])
        connection.send(chunked)
        assert connection.read_response("PATCH").status == 413
    assert partner.offset(target) == 0


def test_an_empty_append_at_the_end_is_fine(partner: Partner) -> None:
    with partner.connect() as connection:
        target = created(connection, 3)
        assert raw_tus.patch(connection, target, 0, b"abc").status == 204
        again = raw_tus.patch(connection, target, 3, b"")
        assert (again.status, raw_tus.offset_of(again)) == (204, 3)
        assert raw_tus.patch(connection, target, 3, b"d").status == 413


def test_a_file_of_no_bytes_is_finished_when_created(partner: Partner) -> None:
    with partner.connect() as connection:
        target = created(connection, 0)
        assert raw_tus.offset_of(raw_tus.head(connection, target)) == 0
        assert raw_tus.patch(connection, target, 0, b"").status == 204
    download = partner.download(target)
    assert (download.status, download.body) == (200, b"")


def test_chunked_bodies_and_method_override(partner: Partner) -> None:
    with partner.connect() as connection:
        target = created(connection)
        request = raw_tus.patch_head(target, 0, None, {"X-HTTP-Method-Override": "PATCH"})
        connection.send(request.replace(b"PATCH ", b"POST ", 1))
        connection.send(build_chunks([DATA[:4096], DATA[4096:]]))
        assert connection.read_response("POST").status == 204
        head = connection.request(
            "POST", target, [("Tus-Resumable", "1.0.0"), ("X-HTTP-Method-Override", "HEAD")]
        )
        assert raw_tus.offset_of(head) == len(DATA)
    assert partner.download(target).body == DATA


def test_other_methods_are_405_and_unknown_uploads_404(partner: Partner) -> None:
    with partner.connect() as connection:
        assert connection.request("GET", f"{UPLOAD}/nothing").status == 405
        for verb in (raw_tus.head, raw_tus.terminate):
            assert verb(connection, f"{UPLOAD}/nothing").status == 404
        assert raw_tus.patch(connection, f"{UPLOAD}/nothing", 0, b"x").status == 404


@pytest.mark.parametrize(
    "key",
    ["..%2f..%2fetc", "%00", "..;/", "%5c..%5c", "%c0%ae%c0%ae", "//host/share", "a" * 300, "%e2%80%ae"],
)
def test_strange_upload_ids_are_unknown_ids(partner: Partner, key: str) -> None:
    with partner.connect() as connection:
        assert raw_tus.head(connection, f"{UPLOAD}/{key}").status == 404
        assert raw_tus.patch(connection, f"{UPLOAD}/{key}", 0, b"x").status == 404


def test_somebody_elses_upload_is_answered_like_an_unknown_one(quay: KadeServer, partner: Partner) -> None:
    other = new_partner(quay)
    with partner.connect() as mine, other.connect() as theirs:
        target = created(mine, 10)
        unknown = f"{UPLOAD}/{'x' * 127}"
        for verb in (raw_tus.head, raw_tus.terminate):
            known, missing = verb(theirs, target), verb(theirs, unknown)
            assert (known.status, known.body) == (missing.status, missing.body) == (404, missing.body)
        known, missing = (raw_tus.patch(theirs, each, 0, b"0123456789") for each in (target, unknown))
        assert (known.status, known.body) == (missing.status, missing.body)
        assert raw_tus.offset_of(raw_tus.head(mine, target)) == 0


def test_a_cut_line_keeps_what_came(partner: Partner) -> None:
    with partner.connect() as connection:
        target = created(connection)
        connection.send(raw_tus.patch_head(target, 0, len(DATA)) + DATA[:200_000])
        time.sleep(0.3)
        connection.reset()
    assert partner.offset(target) == 200_000
    with partner.connect() as connection:
        assert raw_tus.patch(connection, target, 200_000, DATA[200_000:]).status == 204
    assert partner.download(target).body == DATA


def test_a_head_ends_a_stalled_append_and_loses_nothing(partner: Partner) -> None:
    with partner.connect() as stalled:
        target = created(stalled)
        stalled.send(raw_tus.patch_head(target, 0, len(DATA)) + DATA[:123_456])
        time.sleep(0.3)
        began = time.monotonic()
        offset = partner.offset(target)
        assert time.monotonic() - began < 5
        assert offset == 123_456
        assert stalled.read_response("PATCH").status == 423
    with partner.connect() as connection:
        assert raw_tus.patch(connection, target, offset, DATA[offset:]).status == 204
    assert partner.download(target).body == DATA


def test_of_two_appends_the_newer_one_gets_through(partner: Partner) -> None:
    with partner.connect() as first:
        target = created(first)
        first.send(raw_tus.patch_head(target, 0, len(DATA)) + DATA[:50_000])
        time.sleep(0.2)
        with partner.connect() as second:
            response = raw_tus.patch(second, target, 0, DATA)
            # The first one stored 50,000 bytes before it let go: the second learns the true offset.
            assert (response.status, raw_tus.offset_of(response)) == (409, 50_000)
            assert raw_tus.patch(second, target, 50_000, DATA[50_000:]).status == 204
        assert first.read_response("PATCH").status == 423
    assert partner.download(target).body == DATA


def test_many_appends_at_once_leave_one_true_file(partner: Partner) -> None:
    with partner.connect() as connection:
        target = created(connection)

    def keep_trying() -> None:
        while True:
            with partner.connect() as connection:
                offset = raw_tus.offset_of(raw_tus.head(connection, target))
                if offset == len(DATA):
                    return
                raw_tus.patch(connection, target, offset, DATA[offset : offset + 40_000])

    threads = [threading.Thread(target=keep_trying) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert partner.download(target).body == DATA


def test_expect_100_continue(partner: Partner) -> None:
    with partner.connect() as connection:
        target = created(connection)
        connection.send(raw_tus.patch_head(target, 0, len(DATA), {"Expect": "100-continue"}))
        assert connection.read_head().status == 100
        connection.send(DATA)
        assert connection.read_response("PATCH").status == 204
        connection.send(raw_tus.patch_head(target, 5, 10, {"Expect": "100-continue"}))
        assert connection.read_head().status == 409  # refused before a byte was sent


def test_pipelined_requests_around_a_body(partner: Partner) -> None:
    with partner.connect() as connection:
        target = created(connection)
        patch = raw_tus.patch_head(target, 0, len(DATA)) + DATA
        head = f"HEAD {target} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\n\r\n".encode()
        connection.send(head + patch + head)
        assert raw_tus.offset_of(connection.read_response("HEAD")) == 0
        assert connection.read_response("PATCH").status == 204
        assert raw_tus.offset_of(connection.read_response("HEAD")) == len(DATA)
