"""Local visits: what readers of mail on this machine have in common: their folders, and the words for what came of a look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from monitor.collect.folders import Folder, which_folders
from monitor.collect.local_files import why
from monitor.errors import InboxError
from monitor.model import Checkpoint, Coverage, FailureCause, FolderVisit, PollFailure, RawMessage, UidRange
from monitor.settings import InboxSettings


class LocalVisits:
    """Of one inbox; `path` is where its mail lies."""

    def __init__(self, settings: InboxSettings) -> None:
        assert settings.path is not None
        self.inbox, self.path = settings.name, settings.path
        named = settings.folders
        self._wanted = None if named is None else tuple("INBOX" if name.upper() == "INBOX" else name for name in named)
        self._missed: set[str] = set()

    def folders(self, paths: Mapping[str, Path]) -> list[tuple[Folder, Path]]:
        """Of all that are there those to read, INBOX first."""
        found = which_folders([((), "/", name) for name in paths], self._wanted)
        return [(folder, paths[folder.name]) for folder in found]

    def lost(
        self, folders: list[tuple[Folder, Path]], checkpoints: Mapping[str, Checkpoint], now: datetime
    ) -> Iterator[PollFailure]:
        """Tell once of each folder that is wanted or was read before and is not there."""
        gone = set(self._wanted if self._wanted is not None else checkpoints) - {folder.name for folder, _ in folders}
        for name in sorted(gone - self._missed):
            yield self.failure(name, f"the folder {name!r} is not there; what is in it now is not seen", now)
        self._missed = gone

    def visit(
        self,
        folder: Folder,
        at: datetime,
        checkpoint: Checkpoint,
        messages: tuple[RawMessage, ...],
        restarted: bool,
        coverage: tuple[Coverage, ...] = (),
        vanished: tuple[UidRange, ...] | None = None,
    ) -> FolderVisit:
        return FolderVisit(self.inbox, folder.name, folder.role, at, checkpoint, coverage, messages, restarted, vanished)

    def failure(self, folder: str, reason: str, now: datetime) -> PollFailure:
        return PollFailure(self.inbox, folder, now, FailureCause.FOLDER, reason)

    def unreadable(self, error: OSError) -> InboxError:
        """The whole inbox cannot be read."""
        return InboxError(self.inbox, f"`path` {self.path} cannot be read ({why(error)})", cause=FailureCause.FOLDER)
