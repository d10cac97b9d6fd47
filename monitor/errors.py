"""Errors that say whose turn it is: each names the inbox, file or key to mend."""

from __future__ import annotations

from pathlib import Path

from monitor.model import FailureCause


class GoneQuietError(Exception):
    """For the operator; anything else that is raised is a bug of ours and shows itself."""


class SettingsError(GoneQuietError):
    """The settings cannot be used. `problems` lists every fault as `file:line: path: what was expected`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class InboxError(GoneQuietError):
    """One inbox could not be read this time; the others go on."""

    def __init__(
        self,
        inbox: str,
        reason: str,
        *,
        cause: FailureCause,
        retryable: bool = True,
        folder: str | None = None,
        elsewhere: bool = False,
        server: str | None = None,
    ) -> None:
        """`elsewhere`: the mail server has no part in it. `server`: it is this other host that failed."""
        super().__init__(f"{inbox}: {reason}")
        self.inbox, self.folder, self.reason, self.cause, self.retryable = inbox, folder, reason, cause, retryable
        self.elsewhere, self.server = elsewhere or server is not None, server


class InputError(GoneQuietError):
    """A file given on the command line cannot be read as what it should be."""

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


class StoreError(GoneQuietError):
    """The database or the folder of originals cannot be used."""


class ChannelError(GoneQuietError):
    """A channel did not take a notice this time."""

    def __init__(self, channel: str, reason: str, *, retryable: bool = True) -> None:
        super().__init__(f"{channel}: {reason}")
        self.channel, self.reason, self.retryable = channel, reason, retryable
