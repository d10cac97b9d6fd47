"""Kept tokens: for their owner only, renewed in time, once for all who ask, and never lost or shown."""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.clock import SteppedClock
from monitor.collect.tokens import IN_TIME, LEAST_LEFT, KeptTokens, TokenFile, Tokens
from monitor.errors import InboxError
from monitor.model import FailureCause

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass
class Renewing:
    """Gives numbered tokens; `rotates`: with another refresh token each time."""

    clock: SteppedClock
    rotates: bool = False
    ends_at: datetime | None = None
    spent: list[str] = field(default_factory=list)

    def __call__(self, refresh_token: str) -> Tokens:
        self.spent.append(refresh_token)
        number = len(self.spent) + 1
        refresh = f"refresh-{number}" if self.rotates else None
        return Tokens(f"access-{number}", self.clock.now() + HOUR, refresh, self.ends_at)


def keeper(tmp_path: Path, *, rotates: bool = False) -> tuple[KeptTokens, Renewing]:
    """With `access-1`, good for an hour, in the file."""
    clock = SteppedClock(NOON)
    renew = Renewing(clock, rotates)
    file = TokenFile("gmail-1", tmp_path / "tokens" / "gmail-1.json")
    file.save(Tokens("access-1", NOON + HOUR, "refresh-1"))
    return KeptTokens("gmail-1", file, renew, clock), renew


def moved(tokens: KeptTokens, to: datetime) -> KeptTokens:
    assert isinstance(tokens.clock, SteppedClock)
    tokens.clock.move_to(to)
    return tokens


def test_a_token_is_used_until_shortly_before_its_end(tmp_path: Path) -> None:
    tokens, renew = keeper(tmp_path)
    assert moved(tokens, NOON + HOUR - IN_TIME - timedelta(seconds=1)).access_token() == "access-1"
    assert renew.spent == []
    assert moved(tokens, NOON + HOUR - IN_TIME).access_token() == "access-2"
    assert tokens.access_token() == "access-2"
    assert renew.spent == ["refresh-1"]


@pytest.mark.parametrize(("rotates", "spent"), [(False, ["refresh-1"] * 2), (True, ["refresh-1", "refresh-2"])])
def test_a_new_refresh_token_takes_the_place_of_the_old_one_and_without_one_that_stays(
    tmp_path: Path, rotates: bool, spent: list[str]
) -> None:
    tokens, renew = keeper(tmp_path, rotates=rotates)
    for hours in (1, 2):
        moved(tokens, NOON + hours * HOUR).access_token()
    assert renew.spent == spent


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (None, NOON + 7 * DAY),
        (NOON + 7 * DAY + timedelta(seconds=2), NOON + 7 * DAY),
        (NOON + 8 * DAY, None),  # it is put off each time: nothing ends while it is renewed
    ],
)
def test_the_end_of_a_login_that_was_announced_is_kept_unless_renewals_put_it_off(
    tmp_path: Path, said: datetime | None, kept: datetime | None
) -> None:
    tokens, renew = keeper(tmp_path)
    tokens.file.save(Tokens("access-1", NOON + HOUR, "refresh-1", NOON + 7 * DAY))
    renew.ends_at = said
    for hours in (1, 2):
        moved(tokens, NOON + hours * HOUR).access_token()
    assert tokens.file.read().login_ends_at == kept


def test_a_file_from_before_such_ends_were_kept_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    path.write_text(f'{{"access_token": "a", "expires_at": "{NOON.isoformat()}", "refresh_token": "r"}}', encoding="ascii")
    assert TokenFile("gmail-1", path).read() == Tokens("a", NOON, "r")


def test_a_token_that_the_mail_server_refused_is_renewed_before_its_end(tmp_path: Path) -> None:
    tokens, _ = keeper(tmp_path)
    assert tokens.access_token(refused="access-1") == "access-2"
    assert tokens.access_token(refused="access-1") == "access-2"  # somebody else has renewed it meanwhile


def test_many_who_ask_at_once_spend_one_refresh_token(tmp_path: Path) -> None:
    tokens, renew = keeper(tmp_path, rotates=True)
    moved(tokens, NOON + HOUR)
    together = threading.Barrier(8)

    def ask(_: int) -> str:
        together.wait()
        return tokens.access_token()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {"access-2"}
    assert renew.spent == ["refresh-1"]


def test_the_file_is_for_its_owner_only_and_nothing_else_is_left_beside_it(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        tokens, _ = keeper(tmp_path)
        moved(tokens, NOON + HOUR).access_token()
    finally:
        os.umask(old)
    folder = tmp_path / "tokens"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        "gmail-1.json": 0o600,
        "gmail-1.json.lock": 0o600,
    }
    assert json.loads((folder / "gmail-1.json").read_text())["access_token"] == "access-2"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_makes_belongs_to_whom_the_folder_does(tmp_path: Path) -> None:
    os.chown(tmp_path, 4711, 4712)
    keeper(tmp_path)
    made = [tmp_path / "tokens", *(tmp_path / "tokens").iterdir()]
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(4711, 4712)}
    assert len(made) == 3


def test_tokens_that_cannot_be_kept_are_not_asked_for(tmp_path: Path) -> None:
    tokens, renew = keeper(tmp_path, rotates=True)
    (tmp_path / "tokens" / "gmail-1.json.partial").mkdir()
    with pytest.raises(InboxError, match=r"token_file.*cannot be written") as caught:
        moved(tokens, NOON + HOUR).access_token()
    assert (caught.value.cause, caught.value.retryable) == (FailureCause.SETTINGS, True)
    assert renew.spent == []


def test_a_renewal_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    tokens, _ = keeper(tmp_path)
    before = (tmp_path / "tokens" / "gmail-1.json").read_bytes()

    def fail(_: str) -> Tokens:
        raise InboxError("gmail-1", "the network is down", cause=FailureCause.NETWORK)

    broken = KeptTokens("gmail-1", tokens.file, fail, SteppedClock(NOON + HOUR))
    with pytest.raises(InboxError, match="the network is down"):
        broken.access_token()
    assert (tmp_path / "tokens" / "gmail-1.json").read_bytes() == before
    assert moved(tokens, NOON + HOUR).access_token() == "access-2"  # and nobody holds the lock


def failing(tokens: KeptTokens, *, retryable: bool) -> KeptTokens:
    """The same, with a provider that cannot renew them."""

    def fail(_: str) -> Tokens:
        raise InboxError("gmail-1", "no", cause=FailureCause.NETWORK, retryable=retryable)

    return KeptTokens(tokens.inbox, tokens.file, fail, tokens.clock)


def test_while_it_cannot_be_renewed_a_token_is_used_nearly_to_its_end(tmp_path: Path) -> None:
    tokens = failing(keeper(tmp_path)[0], retryable=True)
    assert moved(tokens, NOON + HOUR - LEAST_LEFT - timedelta(seconds=1)).access_token() == "access-1"
    with pytest.raises(InboxError, match="no"):
        tokens.access_token(refused="access-1")
    with pytest.raises(InboxError, match="no"):
        moved(tokens, NOON + HOUR - LEAST_LEFT).access_token()


def test_a_login_that_was_taken_back_is_told_before_its_token_ends(tmp_path: Path) -> None:
    tokens = failing(keeper(tmp_path)[0], retryable=False)
    with pytest.raises(InboxError, match="no"):
        moved(tokens, NOON + HOUR - IN_TIME).access_token()


def test_an_inbox_that_was_never_logged_in_says_so(tmp_path: Path) -> None:
    file = TokenFile("gmail-1", tmp_path / "nowhere" / "t")
    never = KeptTokens("gmail-1", file, Renewing(SteppedClock(NOON)), SteppedClock(NOON))
    with pytest.raises(InboxError, match=r"^gmail-1: nobody has logged in to it yet; run: gonequiet login gmail-1$") as caught:
        never.access_token()
    assert (caught.value.cause, caught.value.retryable) == (FailureCause.LOGIN_ENDED, False)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "secret-token",
        "[]",
        '{"access_token": "secret-token"}',
        '{"access_token": "secret-token", "expires_at": "soon", "refresh_token": null}',
        '{"access_token": "secret-token", "expires_at": "2026-03-01T12:00:00", "refresh_token": null}',
        '{"access_token": ["secret-token"], "expires_at": "2026-03-01T12:00:00Z", "refresh_token": null}',
    ],
)
def test_a_file_that_holds_something_else_is_named_and_not_shown(tmp_path: Path, content: str) -> None:
    (tmp_path / "t").write_text(content)
    kept = KeptTokens("gmail-1", TokenFile("gmail-1", tmp_path / "t"), Renewing(SteppedClock(NOON)), SteppedClock(NOON))
    with pytest.raises(InboxError, match=r"holds no tokens; run: gonequiet login gmail-1$") as caught:
        kept.access_token()
    shown = "".join(map(repr, (caught.value, caught.value.__cause__, caught.value.__suppress_context__)))
    assert "secret-token" not in shown


def test_without_a_refresh_token_the_login_ends_and_says_so(tmp_path: Path) -> None:
    tokens, _ = keeper(tmp_path)
    tokens.file.save(Tokens("access-1", NOON + HOUR))
    with pytest.raises(InboxError, match="gave no refresh token with it; run: gonequiet login gmail-1"):
        moved(tokens, NOON + HOUR).access_token()


def test_no_repr_shows_a_token() -> None:
    assert "secret" not in repr(Tokens("secret-a", NOON, "secret-b"))
