"""From the schema of the File API to the newest: all that was there is, read through the ports."""

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Connection, create_engine, pool, text
from sqlalchemy.ext.asyncio import create_async_engine
from tests.support.nouns import (
    a_content,
    a_credential,
    a_delivery,
    a_file,
    a_grant,
    a_principal,
    a_request,
    a_slot,
    a_space,
    a_task,
    a_tenant,
    an_upload,
)
from tests.support.postgres import PostgresServer

from kade.catalog import migrations
from kade.catalog.migrations import migrate_postgres, migrate_sqlite
from kade.catalog.postgres import PostgresCatalog
from kade.catalog.sqlite import SqliteCatalog
from kade.core.clock import Millis
from kade.core.contents import Content, ContentState
from kade.core.deliveries import Delivery
from kade.core.files import File, FileState
from kade.core.grants import Grant
from kade.core.ids import Id
from kade.core.ports import Catalog, Tx
from kade.core.principals import Credential, CredentialKind, Principal
from kade.core.spaces import Policy, Quota, Space
from kade.core.tasks import Task, TaskState
from kade.core.tenants import Tenant
from kade.core.uploads import Upload

BEFORE = "0003"
LAST = 41  # position in the journal
SEALED = "what a key is sealed as"


class Was(NamedTuple):
    """What was there before, as it is to be read afterwards."""

    tenant: Tenant
    principal: Principal
    spaces: list[Space]
    credentials: list[Credential]
    grant: Grant
    contents: list[Content]
    files: list[File]
    upload: Upload
    delivery: Delivery
    task: Task


def what_was() -> Was:
    """Spaces with a file in every state, credentials, an upload, a task."""
    tenant = a_tenant()
    principal = a_principal(tenant.id, "partner", networks="10.0.0.0/8")
    root = a_space(tenant.id, number=7)
    box = a_space(tenant.id, root.id, "Ünterlagen", policy=Policy(trash_ms=1000))
    key = a_credential(principal.id, label="laptop", not_after=Millis(1 << 50), secret=SEALED)
    certificate = a_credential(
        principal.id, kind=CredentialKind.CERTIFICATE, material=bytes(range(256)), revoked_at=Millis(5)
    )
    contents = [
        a_content(tenant.id, state=ContentState.LIVE, length=3, inline=b"abc", sha256="0", md5="1")
        for _ in FileState
    ]
    files = [
        a_file(
            space,
            name=f"{state}.txt",
            name_folded=f"{state}.txt",
            state=state,
            content_id=content.id,
            length=3,
            annotations="a b",
            valid_from=Millis(1),
            arrived_at=Millis(2),
            due_at=Millis(9) if state is FileState.TRASHED else None,
        )
        for space in (root, box)
        for state, content in zip(FileState, contents, strict=True)
    ]
    task = a_task(box, file_id=files[0].id, request='{"a": 1}', state=TaskState.PAUSED, done=5, total=9)
    return Was(
        tenant,
        principal,
        [root, box],
        [key, certificate],
        a_grant(principal.id, box.id),
        contents,
        files,
        an_upload(box, file_id=files[0].id, offset=2, reserved=98, metadata="filename YQ=="),
        a_delivery(files[2], subscriber_id=principal.id, fetched_spans="0-2"),
        task,
    )


def _insert(connection: Connection, table: str, *rows: Any, **more: object) -> None:
    """Rows as they are, without the columns that this schema does not have yet."""
    columns = connection.execute(text(f"SELECT * FROM {table} LIMIT 0")).keys()  # noqa: S608 - our own tables
    names = ", ".join(f'"{column}"' for column in columns)
    values = ", ".join(f":{column}" for column in columns)
    statement = text(f"INSERT INTO {table} ({names}) VALUES ({values})")  # noqa: S608
    for row in rows:
        given = {**row._asdict(), **more}
        connection.execute(statement, {column: _stored(given[column]) for column in columns})


def _stored(value: Any) -> Any:
    if isinstance(value, Policy):
        return json.dumps({"trash_ms": value.trash_ms} if value.trash_ms else {})
    return " ".join(value) if isinstance(value, tuple) else value


def _fill(connection: Connection, was: Was) -> None:
    _insert(connection, "tenants", was.tenant)
    _insert(connection, "principals", was.principal)
    _insert(connection, "spaces", *was.spaces)
    _insert(connection, "quotas", *(Quota(each.id, 1000, 3, 98) for each in was.spaces))
    _insert(connection, "credentials", *was.credentials)
    _insert(connection, "grants", was.grant)
    _insert(connection, "contents", *was.contents)
    _insert(connection, "files", *was.files)
    _insert(connection, "uploads", was.upload, lease_until=None, wanted_by=None)
    _insert(connection, "deliveries", was.delivery)
    _insert(connection, "tasks", was.task, lease_until=None)
    connection.execute(
        text(
            "INSERT INTO journal VALUES (:at, 1, 'file.created', 's', 'done', '', 't', 'p', NULL,"
            " '', '', '', '{}', 'd', 'c')"
        ),
        [{"at": at + 1} for at in range(LAST)],
    )


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """The migrations up to the schema before."""
    folder = tmp_path / "migrations"
    shutil.copytree(Path(migrations.__file__).parent, folder)
    for later in (folder / "versions").glob("*.py"):
        if later.name[:4] > BEFORE:
            later.unlink()
    return folder


async def _check(catalog: Catalog, was: Was) -> None:
    await catalog.open()
    await catalog.read(_is_as_it_was, was)
    await catalog.read(_has_its_defaults, was)
    await catalog.write(_serves_what_is_new, was)
    await catalog.close()


def _is_as_it_was(tx: Tx, was: Was) -> None:
    assert tx.tenants.get(was.tenant.id) == was.tenant
    assert tx.principals.get(was.principal.id) == was.principal
    assert sorted(tx.spaces.of_tenant(was.tenant.id)) == sorted(was.spaces)
    for space in was.spaces:
        assert tx.quotas.get(space.id) == Quota(space.id, 1000, 3, 98)
    assert sorted(tx.credentials.of_principal(was.principal.id)) == sorted(was.credentials)
    assert tx.grants.of_principal(was.principal.id) == [was.grant]
    assert [tx.contents.get(each.id) for each in was.contents] == was.contents
    assert sorted(tx.files.page(None, 100)) == sorted(was.files)
    assert tx.uploads.get(was.upload.id) == was.upload
    assert tx.deliveries.of_file(was.delivery.file_id) == [was.delivery]
    assert tx.tasks.get(was.task.id) == was.task
    assert tx.journal.last_position() == LAST


def _has_its_defaults(tx: Tx, was: Was) -> None:
    assert {each.scopes for each in tx.credentials.of_principal(was.principal.id)} == {""}
    assert {(each.folder_id, each.modified_at) for each in tx.files.page(None, 100)} == {(None, None)}
    assert [each.slot_id for each in tx.uploads.page(None, 100)] == [None]
    assert tx.cursors.get("reading") == LAST  # what happened before is not read anew
    assert not tx.sources.exist() and not tx.spaces.indexed() and not tx.webhooks.exist()
    assert tx.readings.waiting() == tx.readings.untold() == 0


def _serves_what_is_new(tx: Tx, was: Was) -> None:
    """A file that was there can lie in a folder, and one that is asked for be put beside it."""
    space, file = was.spaces[1], was.files[-1]
    folder = tx.folders.ensure(space.id, "a/b")
    assert tx.folders.get_many([folder.id]) == {folder.id: folder}
    request = a_request(space, was.principal.id)
    slot = a_slot(request)
    tx.file_requests.add(request, [slot])
    tx.file_requests.fill(slot.id, file.id)
    assert tx.file_requests.slot(slot.id) == slot._replace(file_id=file.id)
    assert tx.file_requests.page(was.tenant.id, [Id(space.id)], 0, 9) == [request]


def _filler(was: Was) -> Callable[[Connection], None]:
    return lambda connection: _fill(connection, was)


def test_on_sqlite(tmp_path: Path, before: Path) -> None:
    was, path = what_was(), tmp_path / "catalog.sqlite"
    migrate_sqlite(path, before)
    engine = create_engine(f"sqlite:///{path}", poolclass=pool.NullPool)
    with engine.begin() as connection:
        _fill(connection, was)
    assert migrate_sqlite(path) == BEFORE
    asyncio.run(_check(SqliteCatalog(path), was))


@pytest.mark.needs("postgres")
def test_on_postgres(postgres_server: PostgresServer, before: Path) -> None:
    was, url = what_was(), postgres_server.url(postgres_server.create())

    async def until_before() -> None:
        engine = create_async_engine(url, poolclass=pool.NullPool)
        async with engine.begin() as connection:
            await connection.run_sync(migrations._upgrade, before)
            await connection.run_sync(_filler(was))
        await engine.dispose()

    asyncio.run(until_before())
    assert migrate_postgres(url) == BEFORE
    asyncio.run(_check(PostgresCatalog(url), was))
