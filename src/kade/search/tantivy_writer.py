"""Changing an index of tantivy. Everything here blocks, and gives the interpreter away while it works.

A folder takes one writer at a time, in whatever process; it merges in the background what many small changes
left. So a writer stays while there is work, and is let go when there has been none for a moment.
"""

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

from tantivy import Index, IndexWriter

from kade.core.errors import KadeError, SearchReason, UploadReason
from kade.core.ids import Id
from kade.core.search import Document
from kade.search.analysis import Analysis
from kade.search.tantivy_schema import equip, fields, schema

_HEAP = 48 << 20  # bytes of words that wait to be written, in each thread; twice that is used
_UNCOMMITTED = 10_000  # changes that wait in memory
_PATIENCE_S = 3.0
_PAUSE_S = 0.05


def create(folder: Path) -> None:
    """Begin an empty index in an empty folder."""
    Index(schema(), str(folder), reuse=False)


class Writer:
    """Changes one generation, with so many *threads*; to be used by one thread at a time."""

    def __init__(self, analysis: Analysis, threads: int = 1) -> None:
        self._analysis = analysis
        self._threads = threads
        self._uncommitted = 0
        self._folder: Path | None = None
        self._writer: IndexWriter | None = None

    def put(self, folder: Path, documents: Sequence[Document], removed: Sequence[Id]) -> None:
        """Put and forget these in the index at *folder*, not yet durably.

        Raises:
            KadeError: see ``SearchIndex.apply``; then nothing since the last commit has happened.
        """
        latest = {document.file_id: document for document in documents}
        try:
            writer = self._opened(folder)
            self._uncommitted += len(latest) + len(removed)
            for file_id in (*latest, *removed):
                writer.delete_documents_by_term("id", file_id)
            for file_id in latest.keys() - set(removed):
                writer.add_document(fields(latest[file_id]))
        except BaseException as error:  # a panic is no Exception
            raise self._failed(error) from error

    def commit_now_and_then(self) -> None:
        """The same as ``commit`` once there is much that was put since the last one."""
        if self._uncommitted >= _UNCOMMITTED:
            self.commit()

    def commit(self) -> None:
        """Make what was put durable, and seen by searches. Raises KadeError as ``put`` does."""
        if self._writer is None:
            return
        try:
            self._writer.commit()
            self._uncommitted = 0
        except BaseException as error:
            raise self._failed(error) from error

    def let_go(self) -> None:
        """Bring merges to their end, and let other processes have it."""
        writer, self._writer, self._folder = self._writer, None, None
        if writer is not None:
            writer.wait_merging_threads()

    def drop(self) -> None:
        """Let go; what was not committed never happened.

        Whoever caught an error still refers to the writer, so that its end cannot be left to chance.
        """
        writer, self._writer, self._folder = self._writer, None, None
        if writer is not None:
            for end in (writer.rollback, writer.wait_merging_threads):
                with contextlib.suppress(Exception):  # a writer that failed may fail at this, too
                    end()

    def _opened(self, folder: Path) -> IndexWriter:
        if self._writer is not None and self._folder == folder:
            return self._writer
        self.drop()
        index = Index.open(str(folder))
        equip(index, self._analysis)
        patience = time.monotonic() + _PATIENCE_S
        while self._writer is None:
            try:
                self._writer, self._folder = index.writer(_HEAP * self._threads, self._threads), folder
            except ValueError as error:
                if "LockBusy" not in str(error):
                    raise
                if time.monotonic() > patience:
                    raise KadeError(SearchReason.INDEX_BUSY) from error
                time.sleep(_PAUSE_S)
        return self._writer

    def _failed(self, error: BaseException) -> BaseException:
        """tantivy says everything as text; a writer that failed writes no more."""
        self.drop()
        full = "os error 28" in str(error) or "StorageFull" in str(error) or "No space left" in str(error)
        return KadeError(UploadReason.DISK_FULL, "index") if full else error
