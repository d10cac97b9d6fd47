"""Originals: every message byte for byte, compressed, in a file named after its SHA-256 or in a pack with others."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import zstandard

from monitor.errors import StoreError
from monitor.store.frames import content_of
from monitor.store.packs import InPack, read_frame, sync_folder, write_pack, write_whole

_WRITERS = 16
"""Threads that write and fsync: the disk takes several at once for little more than the time of one."""
MANY = 32
"""From so many on they are one pack."""

_FOLDER = 0o700
"""Mode: the originals are whole mails to the seeds, nobody else on the machine reads them."""


class Originals:
    """A folder of `ab/abcdef….zst` and `packs/`. Safe from many threads and processes: one digest always means the same bytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pool = ThreadPoolExecutor(_WRITERS, thread_name_prefix="originals")
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="originals-ahead")
        try:
            folder.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{folder}: the folder of originals cannot be used: {error.strerror}") from error

    def path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / f"{sha256}.zst"

    def keep(self, frames: Mapping[str, bytes]) -> Mapping[str, InPack]:
        """Write these (SHA-256 → frame); when it returns they are on the disk, whatever happens to the power.

        What comes back has to be noted with their messages: of those that lie in a pack, where.
        """
        try:
            if len(frames) >= MANY:
                return write_pack(self.folder, frames)
            self._keep_apart({digest: frame for digest, frame in frames.items() if not self.path(digest).exists()})
        except OSError as error:
            raise StoreError(f"{self.folder}: an original could not be written: {error.strerror}") from error
        return {}

    def keep_soon(self, make: Callable[[], Mapping[str, bytes]]) -> Future[Mapping[str, InPack]]:
        """The same in the background, with the making of the frames; one batch at a time.

        Its result says that it is done, or raises.
        """
        return self._ahead.submit(lambda: self.keep(make()))

    def read(self, sha256: str, where: InPack | None) -> bytes:
        """The bytes as received, from the pack where they lie. StoreError: they are gone or no longer what the name says."""
        name = f"{self.path(sha256)}" if where is None else f"{self.folder}: {sha256} in pack {where.pack:016x}"
        try:
            raw = content_of(self.path(sha256).read_bytes() if where is None else read_frame(self.folder, where))
        except FileNotFoundError as error:
            raise StoreError(f"{name}: the original is missing; restore it from a backup") from error
        except (OSError, zstandard.ZstdError) as error:
            raise StoreError(f"{name}: the original cannot be read ({error}); restore it from a backup") from error
        if hashlib.sha256(raw).hexdigest() != sha256:
            raise StoreError(f"{name}: the original was changed; restore it from a backup")
        return raw

    def tidy(self) -> None:
        """Remove what processes that are gone had begun to write."""
        for partial in self.folder.glob("*/*.partial"):
            process = partial.name.partition(".")[2].partition("-")[0]
            if process.isdigit() and not _is_alive(int(process)):
                partial.unlink(missing_ok=True)

    def close(self) -> None:
        self._ahead.shutdown()
        self._pool.shutdown()

    def _keep_apart(self, frames: Mapping[str, bytes]) -> None:
        folders = {self.path(digest).parent for digest in frames}
        self._make([folder for folder in folders if not folder.exists()])
        list(self._pool.map(lambda item: write_whole(self.path(item[0]), item[1]), frames.items()))
        list(self._pool.map(sync_folder, folders))

    def _make(self, folders: Sequence[Path]) -> None:
        for folder in folders:
            folder.mkdir(mode=_FOLDER, exist_ok=True)
        if folders:
            sync_folder(self.folder)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
