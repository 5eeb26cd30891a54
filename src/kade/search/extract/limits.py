"""How much one file may cost."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one file may take; what is over a limit is left out and remarked.

    *memory* is the address space of the child process, in bytes. *cpu* and *wall* are seconds of computing
    and of waiting for one file. *characters* of its text are kept. *attachments* are listed at most;
    *parts* (attachments, entries of archives, parts of messages) are looked into, down to *depth* within one
    another. *expanded* is how many bytes unpacking may give in all, and the longest file the child may write.
    *whole* is the longest file, in bytes, of those formats that are read whole (PDF, messages, Excel 97).
    With *ocr*, pictures and PDF pages without text are read by the program ``tesseract`` in *languages* (its
    names for them, such as ``nld``), *pages* of them at most.

    After *files* files, or when it holds *grown* bytes of memory, a child is replaced by a new one.
    """

    memory: int = 1024 * MIB
    cpu: int = 60
    wall: int = 120
    characters: int = 1_000_000
    attachments: int = 1_000
    parts: int = 5_000
    depth: int = 5
    expanded: int = 512 * MIB
    whole: int = 200 * MIB
    ocr: bool = False
    languages: tuple[str, ...] = ("nld", "eng")
    pages: int = 20
    files: int = 500
    grown: int = 300 * MIB
