"""Tokens: what an OAuth login left us, kept in a file of our own, and renewed in time."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from monitor.clock import Clock
from monitor.errors import InboxError
from monitor.model import FailureCause

IN_TIME = timedelta(minutes=5)
"""A token is renewed so long before its end; if that does not work just then, it is used up to `LEAST_LEFT` before it."""
LEAST_LEFT = timedelta(minutes=1)
"""A login and its clock's error fit in."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """An access token, until when it is good (UTC), and what gets the next one (RFC 6749 §1.5)."""

    access_token: str = field(repr=False)
    expires_at: datetime
    refresh_token: str | None = field(default=None, repr=False)
    login_ends_at: datetime | None = None
    """When the refresh token ends whatever is done, UTC; None where the server did not say at the login."""


class TokenSource(Protocol):
    """Gives access tokens to whoever logs in."""

    def access_token(self, refused: str | None = None) -> str:
        """One that is still good, and is not `refused`, which the mail server did not take. InboxError says what to mend."""
        ...


class TokenFile:
    """The tokens of one inbox. Written whole and for its owner only; one process or thread at a time renews them."""

    def __init__(self, inbox: str, path: Path) -> None:
        self._inbox, self._path = inbox, path

    def read(self) -> Tokens:
        """InboxError where nobody has logged in yet, or the file is something else."""
        try:
            held = json.loads(self._path.read_text(encoding="utf-8"))
            expires_at = datetime.fromisoformat(held["expires_at"])
            refresh = held["refresh_token"]
            said = held.get("login_ends_at")
            ends_at = datetime.fromisoformat(said) if said is not None else None
            is_aware = all(moment is None or moment.tzinfo is not None for moment in (expires_at, ends_at))
            if not is_aware or not isinstance(held["access_token"], str) or not isinstance(refresh, str | None):
                raise ValueError
            return Tokens(held["access_token"], expires_at, refresh, ends_at)
        except FileNotFoundError:
            raise must_log_in(self._inbox, "nobody has logged in to it yet") from None
        except OSError as error:
            raise self._unusable("read", error) from error
        except (ValueError, LookupError, TypeError, RecursionError):  # the text of these may show a token
            raise must_log_in(self._inbox, f"{self._path} holds no tokens") from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else reads in order to renew meanwhile. InboxError where the file's folder is not ours to write."""
        try:
            lock = os.open(self._path.with_name(self._path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            raise must_log_in(self._inbox, "nobody has logged in to it yet") from None
        except OSError as error:
            raise self._unusable("written", error) from error
        try:
            _give(lock, self._path.parent)
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    @contextmanager
    def replacing(self) -> Iterator[Callable[[Tokens], None]]:
        """A function that puts other tokens in place of those in the file; within `locked`.

        The room for them is made first: a refresh token may be good once only, and its successor must not be lost.
        """
        partial = self._path.with_name(self._path.name + ".partial")
        try:
            file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            os.fchmod(file, 0o600)
            _give(file, self._path.parent)
            os.posix_fallocate(file, 0, 16_384)
        except OSError as error:
            raise self._unusable("written", error) from error

        def put(tokens: Tokens) -> None:
            held = {
                "access_token": tokens.access_token,
                "expires_at": tokens.expires_at.isoformat(),
                "refresh_token": tokens.refresh_token,
                "login_ends_at": tokens.login_ends_at.isoformat() if tokens.login_ends_at is not None else None,
            }
            try:
                text = json.dumps(held, indent=1).encode() + b"\n"
                with open(file, "wb", closefd=False) as whole:
                    whole.write(text)
                os.truncate(file, len(text))
                os.fsync(file)
                partial.replace(self._path)
                self._sync_folder()
            except OSError as error:
                raise self._unusable("written", error) from error

        try:
            yield put
        finally:
            os.close(file)
            partial.unlink(missing_ok=True)

    def save(self, tokens: Tokens) -> None:
        """Keep what a login brought; the folder is made if need be."""
        try:
            _make(self._path.parent)
        except OSError as error:
            raise self._unusable("written", error) from error
        with self.locked(), self.replacing() as put:
            put(tokens)

    def _sync_folder(self) -> None:
        """A power cut must not bring back a refresh token that is spent."""
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _unusable(self, what: str, error: OSError) -> InboxError:
        reason = f"`oauth.token_file` {self._path} cannot be {what} ({error.strerror or type(error).__name__})"
        return InboxError(self._inbox, reason, cause=FailureCause.SETTINGS, elsewhere=True)


@dataclass(frozen=True)
class KeptTokens:
    """A TokenSource on a file. `renew` gets the tokens that a refresh token is good for; it may raise InboxError."""

    inbox: str
    file: TokenFile
    renew: Callable[[str], Tokens]
    clock: Clock

    def access_token(self, refused: str | None = None) -> str:
        """The kept one while it is good. The file is read each time: a login by hand, or another process, may have changed it."""
        with self.file.locked():
            tokens = self.file.read()
            if tokens.access_token != refused and self.clock.now() < tokens.expires_at - IN_TIME:
                return tokens.access_token
            if tokens.refresh_token is None:
                raise must_log_in(self.inbox, "the login has ended, and its provider gave no refresh token with it")
            with self.file.replacing() as put:
                try:
                    renewed = self.renew(tokens.refresh_token)
                except InboxError as error:
                    still_good = tokens.access_token != refused and self.clock.now() < tokens.expires_at - LEAST_LEFT
                    if error.retryable and still_good:
                        return tokens.access_token
                    raise
                if renewed.refresh_token is None:  # it goes on to be good (RFC 6749 §6)
                    renewed = replace(renewed, refresh_token=tokens.refresh_token)
                renewed = replace(renewed, login_ends_at=_end_after(tokens, renewed))
                put(renewed)
            return renewed.access_token


def _end_after(before: Tokens, renewed: Tokens) -> datetime | None:
    """When the login ends: as was said at the login, unless it turns out to be put off by each renewal."""
    is_put_off = before.login_ends_at and renewed.login_ends_at and renewed.login_ends_at > before.login_ends_at + IN_TIME
    return None if is_put_off else before.login_ends_at


def must_log_in(inbox: str, why: str) -> InboxError:
    """The one thing that mends it, whatever ended the login."""
    reason = f"{why}; run: gonequiet login {inbox}"
    return InboxError(inbox, reason, cause=FailureCause.LOGIN_ENDED, retryable=False, elsewhere=True)


def _make(folder: Path) -> None:
    """The folder, and those above it that are missing, for their owner only."""
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _give(folder, folder.parent)


def _give(made: int | Path, folder: Path) -> None:
    """Where root logs in for the service: what is made belongs to whom the folder does, so that the service can use it."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(made, owner.st_uid, owner.st_gid)
