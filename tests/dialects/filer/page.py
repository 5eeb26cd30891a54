"""The world in which the documentation's examples play."""

from __future__ import annotations

import os
import random
from pathlib import Path

from tests.dialects.filer.house import DAY_MS, House
from tests.support.extraction import FILES
from tests.support.filer_page import CUSTOMER, GROUP, MAILBOX, pdf_with

from kade.core.sources import Method

KEY = "the-hash-of-a-secret-key"
IN_2024 = 1_732_202_020  # 2024-11-21T15:13:40Z
IMAGES = {
    "Image001.png": b"\x89PNG\r\n\x1a\n" + random.Random(1).randbytes(1621),
    "Image002.png": b"\x89PNG\r\n\x1a\n" + random.Random(2).randbytes(6327),
}


async def fill_page(house: House) -> None:
    """A customer with two groups; in one folder files are asked for, in the other they are synchronised."""
    customer = await house.customer(CUSTOMER, KEY)
    where = await house.installation("GOF001")
    service = await house.service(where, "GOFSERV001")
    group = await house.group(customer, GROUP, where, keep_deleted_ms=30 * DAY_MS)
    await house.group(customer, MAILBOX, where)
    await house.source(group, service, "directory", Method.REQUESTED, shown="Filer example directory")
    await house.source(group, service, "subdirectory")
    _old(house.put("GOFSERV001/directory/example.xls", (FILES / "omzet.xls").read_bytes()))
    _old(house.put("GOFSERV001/directory/example.pdf", pdf_with(IMAGES, "A file of Filer to show the API")))
    for name in ("example.xls", "example2.xls", "subdirectory2/a.txt", "subdirectory3/b.txt"):
        _old(house.put(f"GOFSERV001/subdirectory/{name}", f"{name} lies in a folder."))
    await house.settle()


def _old(path: Path) -> None:
    os.utime(path, (IN_2024, IN_2024))
