"""Files as answers show them: in a search (spec 2(a), "Search item") and in full ("Information item")."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from kade.core.clock import Millis, to_datetime
from kade.core.customers import FileGroup
from kade.core.extraction import RemarkKind
from kade.core.files import FileState
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import PrincipalKind
from kade.core.readings import Reading, ReadingState
from kade.core.search import Kind, Snippet
from kade.core.sources import Item
from kade.dialects.filer import namer, paths
from kade.dialects.filer.places import Root, root_of, roots
from kade.services.searching import Entry

FIELDS = (
    "CustomID",
    "Name",
    "Server",
    "Path",
    "Author",
    "FileGroup",
    "Type",
    "Dimension",
    "LastModified",
    "Deleted",
    "DeletedOn",
    "Downloadable",
    "TagsFound",
    "Meta",
    "Properties",
    "Attachments",
    "Snippet",
    "Score",
)
_ORDER = (*FIELDS[:12], "Attachments", "TagsFound", "Meta", "Properties", "Snippet", "Score")
_REMARKS = {
    RemarkKind.TOO_MANY: "it holds more files than are read: limit",
    RemarkKind.TOO_DEEP: "files in it lie deeper than is read: limit",
    RemarkKind.TOO_LARGE: "it is larger than is read: limit",
    RemarkKind.ENCRYPTED: "it is encrypted",
    RemarkKind.DAMAGED: "it is damaged",
    RemarkKind.UNSUPPORTED: "there is no text to be had from it",
    RemarkKind.TIMED_OUT: "reading it took too long",
    RemarkKind.OUT_OF_MEMORY: "reading it took too much memory",
    RemarkKind.CRASHED: "reading it failed",
}
_UNITS = ("kB", "MB", "GB", "TB")


class Shelf:
    """What answers need of groups besides the files: sources and installations, each looked up once."""

    def __init__(self, tx: Tx, groups: Mapping[Id, FileGroup]) -> None:
        self._tx = tx
        self._groups = groups
        self._roots: dict[Id, list[Root]] = {}
        tenants = {group.space.tenant_id for group in groups.values()}
        every = [each for tenant in tenants for each in tx.sources.installations(tenant)]
        self._installations = {each.id: each.name for each in every}

    def group(self, entry: Entry) -> FileGroup:
        """The group that the file was found in."""
        return self._groups[entry.file.space_id]

    def root(self, entry: Entry) -> Root | None:
        """The source that the file's folder is of."""
        folder = entry.folder.path if entry.folder is not None else ""
        if not folder:
            return None
        space_id = entry.file.space_id
        if space_id not in self._roots:
            self._roots[space_id] = roots(self._tx, self._groups[space_id])
        return root_of(self._roots[space_id], folder)

    def server(self, entry: Entry) -> str:
        """The installation's name; empty without one."""
        root = self.root(entry)
        group = self.group(entry)
        found = root.service.installation_id if root is not None else Id(group.settings.installation_id)
        return self._installations.get(found, "")

    def path(self, entry: Entry) -> dict[str, str]:
        """The folder for people, and as it is."""
        group, folder = self.group(entry), entry.folder.path if entry.folder is not None else ""
        root = self.root(entry)
        if root is None:
            return {"Show": paths.real(folder) or group.name, "Real": paths.real(folder or group.name)}
        rest = paths.below(folder, root.path) or ""
        shown = "/".join(filter(None, (root.shown, rest)))
        return {"Show": paths.real(shown), "Real": paths.real(folder)}

    def mail_path(self, entry: Entry) -> list[str]:
        """The installation, the account, and the folders of the mailbox."""
        folder = entry.folder.path.split("/") if entry.folder is not None else [self.group(entry).name]
        return [each for each in (self.server(entry), *folder) if each]


def found(shelf: Shelf, entry: Entry, custom_id: str, tags: list[str], score: int) -> dict[str, Any]:
    """A search item, but for its snippet, in the order of the original."""
    file, reading = entry.file, entry.reading
    mail = reading is not None and reading.kind == Kind.EMAIL
    author, properties = _described(entry)
    item: dict[str, Any] = {"CustomID": custom_id, "Name": file.name}
    if not mail:
        item["Server"] = shelf.server(entry)
    return item | {
        "Path": shelf.mail_path(entry) if mail else shelf.path(entry),
        "Author": author,
        "FileGroup": shelf.group(entry).name,
        "Type": "EMAIL" if mail else "FILE",
        "Dimension": dimension(file.length or 0),
        "LastModified": time(file.modified_at or file.arrived_at or file.created_at),
        "Deleted": file.state == FileState.TRASHED,
        "DeletedOn": _deleted_on(entry),
        "Downloadable": entry.downloadable,
        "Attachments": _attachments(entry),
        "TagsFound": tags,
        "Meta": json.loads(entry.said.meta) if entry.said.meta else None,
        "Properties": properties,
        "Snippet": "",
        "Score": score,
    }


def information(tx: Tx, shelf: Shelf, entry: Entry, item: Item | None) -> dict[str, Any]:
    """Everything that is known of a file in one group."""
    file, reading = entry.file, entry.reading
    author, properties = _described(entry)
    read = reading.read_at if reading is not None else None
    indexed = reading.indexed_at if reading is not None and reading.read_at is not None else None
    return {
        "CustomID": namer.custom_id(tx, file.id),
        "Server": shelf.server(entry),
        "FileGroup": shelf.group(entry).name,
        "Type": "EMAIL" if reading is not None and reading.kind == Kind.EMAIL else "FILE",
        "Author": author,
        "LastModified": time(file.modified_at or file.arrived_at or file.created_at),
        "Deleted": file.state == FileState.TRASHED,
        "DeletedOn": _deleted_on(entry),
        "AddedBy": _added_by(tx, file.created_by),
        "UpdatedOn": time(file.changed_at),
        "Processed": int(read is not None),
        "ProcessedOn": time(read),
        "InDictionary": int(indexed is not None),
        "AddedToDictionaryOn": time(indexed),
        "InAPIQueue": int(item is not None and item.queued_at is not None),
        "Downloadable": int(entry.downloadable),
        "Attachments": _attachments(entry),
        "Dimension": dimension(file.length or 0),
        **_figures(reading),
        "ExtraContent": entry.said.extra,
        "Meta": _compact(entry.said.meta),
        "Tags": list(entry.said.tags),
        "Properties": properties,
    }


def limits(entry: Entry, item: Item | None) -> list[str]:
    """What was cut or failed while the file was fetched and read, in words."""
    told = [
        _remark(each) for each in (json.loads(entry.reading.remarks) if entry.reading is not None else [])
    ]
    if entry.reading is not None and entry.reading.state == ReadingState.FAILED and not told:
        told.append("it could not be read")
    if item is not None and item.error:
        told.append(f"it could not be fetched: {item.error}")
    return told


def _remark(remark: dict[str, Any]) -> str:
    part = f"{remark['part']}: " if remark["part"] else ""
    if remark["kind"] == RemarkKind.CUT:
        return f"{part}indexed {remark['kept']:,} of {remark['length']:,} characters: limit"
    return part + _REMARKS[RemarkKind(remark["kind"])]


def dimension(length: int) -> dict[str, str | float]:
    """A size for people: units of 1024, from kB on, with two decimals at most."""
    size, unit = length / 1024, 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return {"Size": round(size, 2), "Type": _UNITS[unit]}


def exact(length: int) -> dict[str, str | int]:
    """A size in bytes."""
    return {"Size": length, "Type": "B"}


def time(moment: Millis | None) -> str | None:
    """UTC to the second."""
    return f"{to_datetime(moment):%Y-%m-%dT%H:%M:%SZ}" if moment is not None else None


def marked(snippet: Snippet) -> str:
    """The text with ``<snip>`` marks; what the file itself says is escaped, so that it brings no markup."""
    parts, at = [], 0
    for start, end in snippet.marks:
        parts += [_escaped(snippet.text[at:start]), "<snip>", _escaped(snippet.text[start:end]), "</snip>"]
        at = end
    return "".join([*parts, _escaped(snippet.text[at:])])


def chosen(item: dict[str, Any], fields: frozenset[str] | None) -> dict[str, Any]:
    """The item with those of its fields that were asked for."""
    return item if fields is None else {name: value for name, value in item.items() if name in fields}


def _described(entry: Entry) -> tuple[str, Any]:
    """Author and properties; of a message the sender without brackets, and the mailbox that it lies in."""
    reading = entry.reading
    properties = _json(reading.properties) if reading is not None else None
    if reading is None or reading.kind != Kind.EMAIL or properties is None:
        return reading.author if reading is not None else "", properties
    sender = properties["From"]
    mailbox = entry.folder.path.partition("/")[2] if entry.folder is not None else ""
    identity = {"Message-ID": properties.pop("Message-ID"), "Mailbox": mailbox}
    return " ".join(filter(None, (sender["Name"], sender["Address"]))), identity | properties


def _figures(reading: Reading | None) -> dict[str, Any]:
    known: Callable[[str], int] = lambda name: getattr(reading, name) if reading is not None else 0  # noqa: E731
    return {
        "WordCount": {"Total": known("words"), "Unique": known("distinct")},
        "AverageWordLength": known("word_length"),
        "ContentLength": known("kept"),
    }


def _attachments(entry: Entry) -> dict[str, Any]:
    items = json.loads(entry.reading.attachments) if entry.reading is not None else []
    return {
        "Count": len(items),
        "Items": [
            {
                "Name": each["name"],
                "Downloadable": entry.downloadable,
                "CreationDate": time(each["created_at"]),
            }
            for each in items
        ],
    }


def _deleted_on(entry: Entry) -> str | None:
    return time(entry.file.changed_at) if entry.file.state == FileState.TRASHED else None


def _added_by(tx: Tx, principal_id: Id) -> str:
    principal = tx.principals.get(principal_id)
    return "Syncer" if principal is not None and principal.kind == PrincipalKind.SYNCER else "API"


def _compact(meta: str) -> str | None:
    """The JSON text as it came, but for the white space around."""
    return meta or None


def _json(text: str) -> Any:
    return json.loads(text) if text else None


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
