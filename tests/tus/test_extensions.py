"""tus 1.0.0, the extensions: https://tus.io/protocols/resumable-upload."""

import os
import time
from pathlib import Path

import pytest
from tests.support import raw_tus
from tests.support.kade_server import KadeServer
from tests.support.quay import UPLOAD, Partner, new_partner
from tests.support.raw_http import build_chunks

DATA = os.urandom(200_000)
ALGORITHMS = ("sha1", "md5", "sha256", "sha512")


@pytest.mark.parametrize("size", [1, 1000, 16_384, 16_385, 200_000])
def test_creation_with_upload(partner: Partner, size: int) -> None:
    with partner.connect() as connection:
        response = raw_tus.create(connection, UPLOAD, size, body=DATA[:size])
        assert (response.status, raw_tus.offset_of(response)) == (201, size)
        target = raw_tus.target_of(response)
        assert raw_tus.offset_of(raw_tus.head(connection, target)) == size
    assert partner.download(target).body == DATA[:size]


def test_creation_with_the_first_part_of_an_upload(partner: Partner) -> None:
    with partner.connect() as connection:
        response = raw_tus.create(connection, UPLOAD, len(DATA), body=DATA[:1000])
        assert (response.status, raw_tus.offset_of(response)) == (201, 1000)
        target = raw_tus.target_of(response)
        assert raw_tus.patch(connection, target, 1000, DATA[1000:]).status == 204
    assert partner.download(target).body == DATA


def test_creation_with_upload_wants_the_right_type_and_size(partner: Partner) -> None:
    with partner.connect() as connection:
        response = raw_tus.create(
            connection, UPLOAD, 5, body=b"hello", headers={"Content-Type": "text/plain"}
        )
        assert response.status == 415
        assert raw_tus.create(connection, UPLOAD, 4, body=b"hello").status == 413


def test_deferred_length(partner: Partner) -> None:
    with partner.connect() as connection:
        target = raw_tus.target_of(raw_tus.create(connection, UPLOAD, None))
        head = raw_tus.head(connection, target)
        assert head.headers["Upload-Defer-Length"] == "1"
        assert "Upload-Length" not in head.headers
        assert raw_tus.patch(connection, target, 0, DATA[:1000]).status == 204
        assert raw_tus.patch(connection, target, 1000, DATA[1000:], {"Upload-Length": "500"}).status == 400
        response = raw_tus.patch(connection, target, 1000, DATA[1000:], {"Upload-Length": str(len(DATA))})
        assert response.status == 204
        assert raw_tus.head(connection, target).headers["Upload-Length"] == str(len(DATA))
    assert partner.download(target).body == DATA


def test_a_length_that_is_declared_at_the_very_end(partner: Partner) -> None:
    with partner.connect() as connection:
        target = raw_tus.target_of(raw_tus.create(connection, UPLOAD, None))
        raw_tus.patch(connection, target, 0, DATA)
        assert partner.download(target).status == 404
        response = raw_tus.patch(connection, target, len(DATA), b"", {"Upload-Length": str(len(DATA))})
        assert response.status == 204
    assert partner.download(target).body == DATA


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_right_checksum_counts_and_a_wrong_one_leaves_nothing(partner: Partner, algorithm: str) -> None:
    with partner.connect() as connection:
        target = raw_tus.target_of(raw_tus.create(connection, UPLOAD, len(DATA)))
        wrong = {"Upload-Checksum": raw_tus.checksum(b"other bytes", algorithm)}
        right = {"Upload-Checksum": raw_tus.checksum(DATA[:100_000], algorithm)}
        assert raw_tus.patch(connection, target, 0, DATA[:100_000], wrong).status == 460
        assert raw_tus.offset_of(raw_tus.head(connection, target)) == 0
        assert raw_tus.patch(connection, target, 0, DATA[:100_000], right).status == 204
        assert raw_tus.patch(connection, target, 100_000, DATA[100_000:], wrong).status == 460
        assert raw_tus.offset_of(raw_tus.head(connection, target)) == 100_000
        rest = {"Upload-Checksum": raw_tus.checksum(DATA[100_000:], algorithm)}
        assert raw_tus.patch(connection, target, 100_000, DATA[100_000:], rest).status == 204
    assert partner.download(target).body == DATA


def test_crc32_of_a_known_value(partner: Partner) -> None:
    with partner.connect() as connection:  # the check value of CRC-32: cbf43926 for "123456789"
        target = raw_tus.target_of(raw_tus.create(connection, UPLOAD, 9))
        response = raw_tus.patch(connection, target, 0, b"123456789", {"Upload-Checksum": "crc32 y/Q5Jg=="})
        assert response.status == 204


def test_a_cut_append_with_a_checksum_leaves_nothing(partner: Partner) -> None:
    with partner.connect() as connection:
        target = raw_tus.target_of(raw_tus.create(connection, UPLOAD, len(DATA)))
        headers = {"Upload-Checksum": raw_tus.checksum(DATA)}
        connection.send(raw_tus.patch_head(target, 0, len(DATA), headers) + DATA[:150_000])
        time.sleep(0.3)
        connection.reset()
    assert partner.offset(target) == 0
    with partner.connect() as connection:
        assert raw_tus.patch(connection, target, 0, DATA, headers).status == 204


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_checksum_in_a_trailer(partner: Partner, algorithm: str) -> None:
    with partner.connect() as connection:
        target = raw_tus.target_of(raw_tus.create(connection, UPLOAD, len(DATA)))
        head = raw_tus.patch_head(target, 0, None, {"Trailer": "Upload-Checksum"})
        pieces = [DATA[:70_000], DATA[70_000:]]
        connection.send(head + build_chunks(pieces, {"Upload-Checksum": raw_tus.checksum(b"", algorithm)}))
        assert connection.read_response("PATCH").status == 460
        connection.send(head + build_chunks(pieces))  # announced, but not sent
        assert connection.read_response("PATCH").status == 460
        assert raw_tus.offset_of(raw_tus.head(connection, target)) == 0
        connection.send(head + build_chunks(pieces, {"Upload-Checksum": raw_tus.checksum(DATA, algorithm)}))
        assert connection.read_response("PATCH").status == 204
    assert partner.download(target).body == DATA


def test_termination(partner: Partner) -> None:
    with partner.connect() as connection:
        target = raw_tus.target_of(raw_tus.create(connection, UPLOAD, len(DATA)))
        raw_tus.patch(connection, target, 0, DATA[:1000])
        assert raw_tus.terminate(connection, target).status == 204
        for verb in (raw_tus.head, raw_tus.terminate):
            assert verb(connection, target).status == 404
        assert raw_tus.patch(connection, target, 1000, DATA[1000:]).status == 404


def test_termination_ends_an_append_that_is_running(partner: Partner) -> None:
    with partner.connect() as running, partner.connect() as other:
        target = raw_tus.target_of(raw_tus.create(running, UPLOAD, len(DATA)))
        running.send(raw_tus.patch_head(target, 0, len(DATA)) + DATA[:1000])
        time.sleep(0.2)
        assert raw_tus.terminate(other, target).status == 204
        assert running.read_response("PATCH").status == 423
        assert raw_tus.head(other, target).status == 404


def partials(partner: Partner, pieces: list[bytes], finish: bool = True) -> list[str]:
    targets = []
    with partner.connect() as connection:
        for piece in pieces:
            created = raw_tus.create(connection, UPLOAD, len(piece), headers={"Upload-Concat": "partial"})
            targets.append(raw_tus.target_of(created))
            if finish:
                assert raw_tus.patch(connection, targets[-1], 0, piece).status == 204
    return targets


def test_concatenation(partner: Partner) -> None:
    pieces = [DATA[:90_000], DATA[90_000:90_010], DATA[90_010:]]
    targets = partials(partner, pieces)
    with partner.connect() as connection:
        assert raw_tus.head(connection, targets[0]).headers["Upload-Concat"] == "partial"
        absolute = [f"https://localhost:{partner.server.exchange_port}{targets[0]}", *targets[1:]]
        final = raw_tus.concatenate(connection, UPLOAD, absolute)
        assert final.status == 201
        target = raw_tus.target_of(final)
        head = raw_tus.head(connection, target)
        assert raw_tus.offset_of(head) == len(DATA)
        assert head.headers["Upload-Length"] == str(len(DATA))
        assert head.headers["Upload-Concat"] == "final;" + " ".join(absolute)
        assert raw_tus.patch(connection, target, len(DATA), b"x").status == 403
    assert partner.download(target).body == DATA
    assert partner.download(f"{target}.sha256").status == 200


def test_parts_may_be_terminated_after_they_were_joined(partner: Partner) -> None:
    targets = partials(partner, [DATA[:100_000], DATA[100_000:]])
    with partner.connect() as connection:
        target = raw_tus.target_of(raw_tus.concatenate(connection, UPLOAD, targets))
        for each in targets:
            assert raw_tus.terminate(connection, each).status == 204
    assert partner.download(target).body == DATA


def test_concatenation_of_unfinished_parts(partner: Partner) -> None:
    pieces = [DATA[:80_000], DATA[80_000:]]
    targets = partials(partner, pieces, finish=False)
    with partner.connect() as connection:
        target = raw_tus.target_of(raw_tus.concatenate(connection, UPLOAD, targets))
        head = raw_tus.head(connection, target)
        assert "Upload-Offset" not in head.headers
        assert head.headers["Upload-Length"] == str(len(DATA))
        assert partner.download(target).status == 404
        for each, piece in reversed(list(zip(targets, pieces, strict=True))):
            assert raw_tus.patch(connection, each, 0, piece).status == 204
        assert raw_tus.offset_of(raw_tus.head(connection, target)) == len(DATA)
    assert partner.download(target).body == DATA


def test_only_own_partial_uploads_can_be_joined(quay: KadeServer, partner: Partner) -> None:
    targets = partials(partner, [b"abc"])
    with partner.connect() as connection:
        whole = raw_tus.target_of(raw_tus.create(connection, UPLOAD, 3, body=b"abc"))
        assert raw_tus.concatenate(connection, UPLOAD, [whole]).status == 400
        assert raw_tus.concatenate(connection, UPLOAD, [f"{UPLOAD}/unknown"]).status == 400
        assert raw_tus.concatenate(connection, UPLOAD, ["/elsewhere/x"]).status == 400
        headers = {"Upload-Length": "3"}
        assert raw_tus.concatenate(connection, UPLOAD, targets, headers).status == 400
    with new_partner(quay).connect() as connection:
        assert raw_tus.concatenate(connection, UPLOAD, targets).status == 400


def test_browsers_of_named_origins_only(tmp_path: Path) -> None:
    environment = {"KADE_DIALECTS_FILESERVER_CORS_ORIGINS": "https://portal.example"}
    with KadeServer(tmp_path / "data", environment=environment) as server:
        partner = new_partner(server)
        with partner.connect() as connection:
            asked = {"Origin": "https://portal.example", "Access-Control-Request-Method": "PATCH"}
            preflight = raw_tus.options(connection, UPLOAD, asked)
            assert preflight.headers["Access-Control-Allow-Origin"] == "https://portal.example"
            assert preflight.headers["Access-Control-Max-Age"] == "86400"
            assert "Upload-Offset" in preflight.headers["Access-Control-Allow-Headers"]
            created = raw_tus.create(connection, UPLOAD, 3, headers={"Origin": "https://portal.example"})
            assert "Location" in created.headers["Access-Control-Expose-Headers"]
            assert created.headers["Access-Control-Allow-Credentials"] == "true"
            other = raw_tus.create(connection, UPLOAD, 3, headers={"Origin": "https://elsewhere.example"})
            assert "Access-Control-Allow-Origin" not in other.headers


def test_expired_uploads_really_go_away(tmp_path: Path) -> None:
    environment = {
        "KADE_UPLOADS_EXPIRE_AFTER": "2s",
        "KADE_STORAGE_SWEEP_INTERVAL": "200ms",
        "KADE_STORAGE_GRACE": "0",
    }
    with KadeServer(tmp_path / "data", environment=environment) as server:
        partner = new_partner(server)
        with partner.connect() as connection:
            target = raw_tus.target_of(raw_tus.create(connection, UPLOAD, len(DATA)))
            response = raw_tus.patch(connection, target, 0, DATA[:100_000])
            assert response.headers["Upload-Expires"]
            assert raw_tus.head(connection, target).status == 200
            assert any((server.folder / "segments").glob("*/*"))
            time.sleep(2.5)
            assert raw_tus.head(connection, target).status == 404
            deadline = time.monotonic() + 10
            while any((server.folder / "segments").glob("*/*")):
                assert time.monotonic() < deadline, "the bytes of an expired upload stay on disk"
                time.sleep(0.1)
