"""Originals: every message byte for byte, compressed, in a file named after its SHA-256."""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import zstandard

from monitor.errors import StoreError
from monitor.model import RawMessage

_LEVEL = 3
_WRITERS = 16
"""Threads that write and fsync: the disk takes several at once for little more than the time of one."""
_MANY = 32
"""From so many on the file system is told once to write all out: an fsync of each costs more than all else about it."""

_FOLDER, _FILE = 0o700, 0o600
"""Modes: the originals are whole mails to the seeds, nobody else on the machine reads them."""


class Originals:
    """A folder of `ab/abcdef….zst`. Safe from many threads and processes: one digest always means the same bytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pool = ThreadPoolExecutor(_WRITERS, thread_name_prefix="originals")
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="originals-ahead")
        self._local = threading.local()
        try:
            folder.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{folder}: the folder of originals cannot be used: {error.strerror}") from error

    def path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / f"{sha256}.zst"

    def keep(self, messages: Iterable[RawMessage]) -> None:
        """Write those that are not there yet; when it returns they are on the disk, whatever happens to the power."""
        wanted = {message.sha256: message.raw for message in messages}
        missing = [(digest, raw) for digest, raw in wanted.items() if not self.path(digest).exists()]
        if len(missing) >= _MANY and _can_sync_all():
            self.settle([self.draft(digest, raw) for digest, raw in missing])
            return
        try:
            folders = {self.path(digest).parent for digest, _ in missing}
            self._make([folder for folder in folders if not folder.exists()])
            list(self._pool.map(lambda item: self._write(*item), missing))
            list(self._pool.map(_sync_folder, folders))
        except OSError as error:
            raise StoreError(f"{self.folder}: an original could not be written: {error.strerror}") from error

    def draft(self, digest: str, raw: bytes) -> Path:
        """Write one under another name; it is not kept before `settle`. Any process may do this."""
        target = self.path(digest)
        draft = target.with_name(f"{digest}.{os.getpid()}-{threading.get_ident()}.partial")
        try:
            try:
                handle = _create(draft)
            except FileNotFoundError:
                target.parent.mkdir(mode=_FOLDER, exist_ok=True)
                handle = _create(draft)
            with os.fdopen(handle, "wb", buffering=0) as file:
                file.write(self._compressor().compress(raw))
        except OSError as error:
            raise StoreError(f"{self.folder}: an original could not be written: {error.strerror}") from error
        return draft

    def settle(self, drafts: Sequence[Path]) -> None:
        """Bring drafts to the disk, then give them their names, and these to the disk: a right name is always a whole file."""
        try:
            _sync_all(self.folder)
            for draft in drafts:
                draft.replace(draft.with_name(f"{draft.name.partition('.')[0]}.zst"))
            _sync_all(self.folder)
        except OSError as error:
            raise StoreError(f"{self.folder}: an original could not be written: {error.strerror}") from error

    def tidy(self) -> None:
        """Remove the drafts of processes that are gone."""
        for draft in self.folder.glob("??/*.partial"):
            process = draft.name.partition(".")[2].partition("-")[0]
            if process.isdigit() and not _is_alive(int(process)):
                draft.unlink(missing_ok=True)

    def settle_soon(self, drafts: Sequence[Path]) -> Future[None]:
        """The same in the background; its result says that it is done, or raises."""
        return self._ahead.submit(self.settle, drafts)

    def keep_soon(self, messages: Sequence[RawMessage]) -> Future[None]:
        """The same in the background; one batch at a time. Its result says that it is done, or raises."""
        return self._ahead.submit(self.keep, messages)

    def read(self, sha256: str) -> bytes:
        """The bytes as received. StoreError where they are gone or no longer what the name says."""
        try:
            raw = zstandard.ZstdDecompressor().decompressobj().decompress(self.path(sha256).read_bytes())
        except FileNotFoundError as error:
            raise StoreError(f"{self.path(sha256)}: the original is missing; restore it from a backup") from error
        except (OSError, zstandard.ZstdError) as error:
            raise StoreError(f"{self.path(sha256)}: the original cannot be read ({error}); restore it from a backup") from error
        if hashlib.sha256(raw).hexdigest() != sha256:
            raise StoreError(f"{self.path(sha256)}: the original was changed; restore it from a backup")
        return raw

    def close(self) -> None:
        self._ahead.shutdown()
        self._pool.shutdown()

    def _make(self, folders: Sequence[Path]) -> None:
        for folder in folders:
            folder.mkdir(mode=_FOLDER, exist_ok=True)
        if folders:
            _sync_folder(self.folder)

    def _write(self, digest: str, raw: bytes) -> None:
        """Under another name first, so that a file with the right name is always whole."""
        target = self.path(digest)
        partial = target.with_name(f"{digest}.{os.getpid()}-{threading.get_ident()}.partial")
        with os.fdopen(_create(partial), "wb") as file:
            file.write(self._compressor().compress(raw))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)

    def _compressor(self) -> zstandard.ZstdCompressor:
        """One a thread: they are costly to make and may not be shared."""
        known: zstandard.ZstdCompressor | None = getattr(self._local, "compressor", None)
        if known is None:
            known = self._local.compressor = zstandard.ZstdCompressor(level=_LEVEL)
        return known


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _can_sync_all() -> bool:
    """Whether the system has syncfs (Linux), which says whether writing failed."""
    return sys.platform == "linux"


def _sync_all(folder: Path) -> None:
    """Write out what the file system of this folder has in memory: syncfs(2), or a sync of everything where there is none."""
    if not _can_sync_all():
        os.sync()
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(handle) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
