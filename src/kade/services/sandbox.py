"""The sandbox: a tenant in which every new application can try to publish and to subscribe."""

import hashlib
from dataclasses import replace

from kade.core import names
from kade.core.business_types import REFUSED_EXTENSIONS, Direction
from kade.core.files import File, FileState
from kade.core.grants import Verb
from kade.core.ports import Tx
from kade.core.principals import Caller, Principal
from kade.core.spaces import Policy, Space
from kade.services import applications, arrivals, business_types, tenants, uploads
from kade.services.naming import Namers
from kade.services.uploads import Arrived, Rules, Wish

TENANT = "sandbox"
UPLOADS = 7100
DOWNLOADS = 7101
_DAY_MS = 86_400_000
# What is tried out goes after a month, and its record after six; the test files stay.
_TYPES = {
    UPLOADS: (
        "File API Sandbox Uploads",
        Direction.PUBLISH,
        Policy(keep_content_ms=31 * _DAY_MS, keep_record_ms=184 * _DAY_MS),
    ),
    DOWNLOADS: ("File API Sandbox Downloads", Direction.SUBSCRIBE, Policy()),
}
# Of the lengths that the File API's documentation shows: 107, 33 and 76 bytes.
_FILES = {
    "sandbox_test_file.xml": (
        "application/xml",
        b"<files>\n  <file>A file to try your program with</file>\n"
        b"  <from>The sandbox of this server.</from>\n</files>\n",
    ),
    "sandbox_test_file.txt": ("text/plain", b"A file to try things out with. \n\n"),
    "sandbox_test_file.csv": (
        "text/csv",
        b"number;title;date\n1;first;2026-01-01\n2;second;2026-02-01\n3;third;2026-03-01\n",
    ),
}


def admit(
    tx: Tx,
    caller: Caller,
    namers: Namers,
    rules: Rules,
    application: Principal,
    *,
    ceiling: int | None = None,
) -> None:
    """Let the application publish and subscribe in the sandbox, with its test files waiting there.

    *ceiling* is the quota in bytes of the space that all of them upload to, when it is new. Once more is
    harmless.
    """
    tenant = tx.tenants.named(TENANT) or tenants.add(tx, caller, TENANT)
    here = replace(caller, tenant_id=tenant.id)
    for number, (name, direction, policy) in _TYPES.items():
        if tx.business_types.get(number) is None:
            safe = replace(policy, refused_extensions=REFUSED_EXTENSIONS)
            business_types.create(tx, caller, number, name, direction, safe)
    shelf = business_types.offer(tx, here, namers, DOWNLOADS)
    waiting = [_file(tx, here, namers, rules, shelf, name) for name in _FILES]
    applications.entitle(tx, here, namers, application, UPLOADS, Verb.WRITE, ceiling=ceiling)
    applications.entitle(tx, here, namers, application, DOWNLOADS, Verb.SUBSCRIBE)
    for file in waiting:
        if tx.deliveries.get(application.id, file.id) is None:
            arrivals.deliver(tx, file, [application.id])


def _file(tx: Tx, caller: Caller, namers: Namers, rules: Rules, shelf: Space, name: str) -> File:
    """The test file of that name, made when it is not there."""
    there = tx.files.of_space(shelf.id, (FileState.LIVE,))
    found = next((each for each in there if each.name_folded == names.fold(name)), None)
    if found is not None:
        return found
    media_type, data = _FILES[name]
    arrived = Arrived(
        len(data),
        inline=data,
        sha256=hashlib.sha256(data).hexdigest(),
        md5=hashlib.md5(data, usedforsecurity=False).hexdigest(),
        detected_type=media_type,
    )
    wish = Wish(name, len(data), media_type)
    upload = uploads.begin(tx, caller, namers, rules, shelf.id, wish, arrived)
    made = tx.files.get(upload.file_id)
    assert made is not None
    return made
