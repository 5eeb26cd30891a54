"""What is sealed opens with the same master key, for the same purpose, unchanged; and not otherwise."""

import shutil
import stat
import threading
from pathlib import Path

import pytest

from kade import durable
from kade.auth.sealing import Sealer, SealError

SECRET = b"a private key"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "new" / "master.key"


def test_what_is_sealed_opens_in_every_process(key_file: Path) -> None:
    sealer = Sealer(key_file)
    one, two = (sealer.seal(SECRET, "purpose") for _ in range(2))
    assert one != two and SECRET not in one and key_file.read_bytes() not in one
    for opener in (sealer, Sealer(key_file)):
        assert opener.open(one, "purpose") == opener.open(two, "purpose") == SECRET
    assert sealer.open(sealer.seal(b"", "empty"), "empty") == b""


def test_the_master_key_is_made_when_it_is_needed_and_is_its_owners_alone(key_file: Path) -> None:
    sealer = Sealer(key_file)
    assert not key_file.exists()
    sealer.seal(SECRET, "purpose")
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert len(key_file.read_bytes()) == 32
    assert [each.name for each in key_file.parent.iterdir()] == ["master.key"]


def test_two_that_need_it_at_once_get_the_same(key_file: Path) -> None:
    sealers, sealed = [Sealer(key_file) for _ in range(8)], []
    start = threading.Barrier(len(sealers))

    def seal(sealer: Sealer) -> None:
        start.wait()
        sealed.append(sealer.seal(SECRET, "purpose"))

    threads = [threading.Thread(target=seal, args=(each,)) for each in sealers]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(sealed) == len(sealers)
    assert {Sealer(key_file).open(each, "purpose") for each in sealed} == {SECRET}


def test_another_purpose_does_not_open_it(key_file: Path) -> None:
    sealer = Sealer(key_file)
    sealed = sealer.seal(SECRET, "signing key 1")
    with pytest.raises(SealError, match="sealed for something else"):
        sealer.open(sealed, "signing key 2")


def test_another_master_key_does_not_open_it(key_file: Path, tmp_path: Path) -> None:
    sealed = Sealer(key_file).seal(SECRET, "purpose")
    other = Sealer(tmp_path / "other.key")
    other.seal(SECRET, "purpose")
    with pytest.raises(SealError, match=r"another master key than .*other\.key"):
        other.open(sealed, "purpose")


def test_without_its_master_key_nothing_opens_and_none_is_made(key_file: Path) -> None:
    sealed = Sealer(key_file).seal(SECRET, "purpose")
    shutil.rmtree(key_file.parent)
    with pytest.raises(SealError, match=r"master\.key is missing"):
        Sealer(key_file).open(sealed, "purpose")
    assert not key_file.parent.exists()


def test_a_change_of_any_byte_shows(key_file: Path) -> None:
    sealer = Sealer(key_file)
    sealed = sealer.seal(SECRET, "purpose")
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(SealError):
            sealer.open(bytes(changed), "purpose")


@pytest.mark.parametrize("wrong", [b"", b"\x01", b"\x02" + bytes(60), b"\x01" + bytes(35), b"plain text" * 9])
def test_what_was_never_sealed_is_told_apart(key_file: Path, wrong: bytes) -> None:
    Sealer(key_file).seal(SECRET, "purpose")
    with pytest.raises(SealError, match="not sealed by this version"):
        Sealer(key_file).open(wrong, "purpose")


def test_a_file_that_is_no_master_key_is_neither_used_nor_replaced(key_file: Path) -> None:
    key_file.parent.mkdir()
    key_file.write_bytes(b"short")
    with pytest.raises(SealError, match="has 5 bytes, not 32"):
        Sealer(key_file).seal(SECRET, "purpose")
    assert key_file.read_bytes() == b"short"


def test_what_is_there_is_not_created_again(tmp_path: Path) -> None:
    target = tmp_path / "file"
    assert durable.create(target, b"first", 0o600)
    assert not durable.create(target, b"second", 0o644)
    assert target.read_bytes() == b"first"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    with pytest.raises(OSError, match="nowhere"):
        durable.create(tmp_path / "nowhere" / "file", b"")
