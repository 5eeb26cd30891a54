"""RTF as messages hold it: packed ([MS-OXRTFCP])."""

import struct

_PACKED, _PLAIN = 0x75465A4C, 0x414C454D
_START = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript "
    b"\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
    b"\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
_RING = 4096


def unpack(data: bytes, most: int) -> bytes:
    """The RTF in *data*, *most* bytes at most.

    Raises:
        ValueError: it is not packed RTF.
    """
    if len(data) < 16:
        raise ValueError("no packed RTF")
    _, length, kind, _ = struct.unpack_from("<IIII", data)
    if kind == _PLAIN:
        return data[16 : 16 + min(length, most)]
    if kind != _PACKED:
        raise ValueError("no packed RTF")
    said = bytearray(_START)
    end = len(_START) + min(length, most)
    at = 16
    while at < len(data) and len(said) < end:
        control, at = data[at], at + 1
        for bit in range(8):
            if at >= len(data):
                break
            if not control >> bit & 1:
                said.append(data[at])
                at += 1
                continue
            place = int.from_bytes(data[at : at + 2], "big")
            at += 2
            offset, count = place >> 4, (place & 0xF) + 2
            back = (len(said) - offset) % _RING
            if back == 0:  # it points at where the next byte goes: the end
                return bytes(said[len(_START) : end])
            if back > len(said):
                raise ValueError("a place before the beginning")
            for _ in range(count):
                said.append(said[-back])
    return bytes(said[len(_START) : end])
