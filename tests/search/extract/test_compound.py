"""Compound files that we write, read by ourselves and by another program's library; packed RTF."""

import io

import pytest
from hypothesis import given, strategies
from tests.support.extraction import FILES

from kade.search.extract import rtf_packed
from kade.search.extract.compound import Compound, Entry
from kade.search.extract.compound_writing import Node, copy, write

NAMES = strategies.text(strategies.characters(min_codepoint=65, max_codepoint=90), min_size=1, max_size=20)
STREAMS = strategies.dictionaries(NAMES, strategies.binary(max_size=9000), max_size=12)


def streams(container: Compound, entry: Entry) -> dict[str, object]:
    return {
        child.name: streams(container, child) if child.is_storage else container.read(child)
        for child in entry.children
    }


@given(STREAMS, STREAMS)
def test_what_was_written_is_read(outer: dict[str, bytes], inner: dict[str, bytes]) -> None:
    below = Node("inner storage", None, [Node(name, data) for name, data in inner.items()])
    content = write(Node("", None, [below, *(Node(name, data) for name, data in outer.items())]))
    container = Compound(io.BytesIO(content))
    assert streams(container, container.root) == {"inner storage": inner, **outer}
    again = Compound(io.BytesIO(write(copy(container, container.root))))
    assert streams(again, again.root) == streams(container, container.root)


def test_a_long_stream_needs_a_list_of_tables() -> None:
    data = bytes(range(256)) * 40_000  # more than 109 tables tell of
    container = Compound(io.BytesIO(write(Node("", None, [Node("long", data)]))))
    assert container.read(container.root.find("long")) == data


def test_what_another_program_wrote_is_the_same_after_us() -> None:
    for file in ("bericht.msg", "verslag.doc", "omzet.xls", "dias.ppt"):
        theirs = Compound(io.BytesIO((FILES / file).read_bytes()))
        ours = Compound(io.BytesIO(write(copy(theirs, theirs.root))))
        assert streams(ours, ours.root) == streams(theirs, theirs.root)


def test_another_reader_understands_what_we_wrote() -> None:
    from kreuzberg import ExtractionConfig, extract_bytes_sync

    theirs = Compound(io.BytesIO((FILES / "omzet.xls").read_bytes()))
    ours = write(copy(theirs, theirs.root))
    found = extract_bytes_sync(ours, "application/vnd.ms-excel", ExtractionConfig(use_cache=False))
    assert "Eerste knœpunt" in found.content


@given(strategies.binary(max_size=2000), strategies.integers(0, 60), strategies.integers(0, 255))
def test_a_damaged_one_ends_with_value_error_or_fewer_bytes(noise: bytes, place: int, value: int) -> None:
    content = bytearray((FILES / "bericht.msg").read_bytes())
    content[30 + place] = value
    content[512 + 7 * place : 512 + 7 * place + len(noise)] = noise
    try:
        container = Compound(io.BytesIO(bytes(content)))
        streams(container, container.root)
    except ValueError:
        pass


def test_packed_rtf() -> None:
    """The example of [MS-OXRTFCP], section 3.1."""
    packed = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
    )
    assert rtf_packed.unpack(packed, 1000) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    assert rtf_packed.unpack(packed, 10) == b"{\\rtf1\\ans"
    with pytest.raises(ValueError):
        rtf_packed.unpack(packed[:8], 10)
