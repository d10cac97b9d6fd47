"""A Maildir on this machine: read where it lies, each message once, and covered only where nothing came and went."""

from __future__ import annotations

import mailbox
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from monitor.collect import maildir
from monitor.collect.maildir import MaildirInbox
from monitor.errors import InboxError
from monitor.model import CoverageKind, FailureCause, FolderVisit
from monitor.settings import InboxKind, InboxSettings
from tests.collect.looking import FIVE, Watched, coverage_of, mail, messages_of, subjects
from tests.servers.dovecot import Dovecot

Known = dict[tuple[str, int], set[int]]


class Delivery:
    """A Maildir as mail servers fill it: a file in `tmp`, then in `new`. Python's own writer is such a one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.box = mailbox.Maildir(path, create=True)

    def put(self, subject: str, folder: str | None = None) -> Path:
        box = self.box if folder is None else self.box.add_folder(folder)
        name = box.add(mail(subject))
        return next((Path(box._path) / "new").glob(f"{name}*"))


class Looking(Watched[MaildirInbox]):
    """Looks as the service does; `again` is a new process that knows what is stored."""

    def __init__(self, settings: InboxSettings, limit: int = 1_000_000) -> None:
        self.settings, self.limit = settings, limit
        self.stored: Known = {}
        super().__init__(self.fresh())

    def fresh(self) -> MaildirInbox:
        known = lambda folder, validity: frozenset(self.stored.get((folder, validity), ()))  # noqa: E731
        return MaildirInbox(self.settings, known, max_message_bytes=self.limit, poll_every=FIVE)

    def again(self) -> None:
        self.inbox = self.fresh()

    def visit(self, after: timedelta = timedelta(minutes=1)) -> list[FolderVisit]:
        visits = super().visit(after)
        for message in messages_of(visits):
            self.stored.setdefault((message.folder, message.uidvalidity), set()).add(message.uid)
        for visit in visits:
            gone = {uid for first, last in visit.vanished or () for uid in range(first, last + 1)}
            self.stored.setdefault((visit.folder, visit.checkpoint.uidvalidity), set()).difference_update(gone)
        return visits


@pytest.fixture
def delivery(tmp_path: Path) -> Delivery:
    return Delivery(tmp_path / "Maildir")


@pytest.fixture
def looking(delivery: Delivery) -> Looking:
    return Looking(settings(delivery.path))


def settings(path: Path, folders: tuple[str, ...] | None = None) -> InboxSettings:
    return InboxSettings(name="local", kind=InboxKind.MAILDIR, path=path, folders=folders)


def names(path: Path) -> Mapping[str, list[str]]:
    return {str(folder): sorted(file.name for file in folder.iterdir()) for folder in (path / "new", path / "cur", path / "tmp")}


def covered(visits: list[FolderVisit], folder: str = "INBOX") -> list[CoverageKind]:
    return [interval.kind for interval in coverage_of(visits).get(folder, [])]


def test_each_message_is_read_once_whatever_becomes_of_its_file(delivery: Delivery, looking: Looking) -> None:
    first = delivery.put("a")
    assert subjects(looking.visit()) == ["a"]
    first.rename(delivery.path / "cur" / f"{first.name}:2,")
    delivery.put("b")
    assert subjects(looking.visit()) == ["b"]
    (delivery.path / "cur" / f"{first.name}:2,").rename(delivery.path / "cur" / f"{first.name}:2,FS")
    assert subjects(looking.visit()) == []
    looking.again()
    delivery.put("c")
    assert subjects(looking.visit()) == ["c"]


def test_looking_leaves_no_trace(delivery: Delivery, looking: Looking) -> None:
    file = delivery.put("a")
    os.utime(file, (1_000_000_000, 1_000_000_000))
    before = names(delivery.path)
    looking.visit()
    assert names(delivery.path) == before
    assert file.stat().st_atime == 1_000_000_000


def test_what_it_says_of_a_message(delivery: Delivery, looking: Looking) -> None:
    raw = mail("a")
    at = datetime(2026, 1, 7, 3, 10, tzinfo=UTC)
    (delivery.path / "new" / f"{int(at.timestamp())}.M1P1.host").write_bytes(raw)
    (delivery.path / "new" / "99999999999.M1P1.host").write_bytes(raw)
    [of_january, of_the_future] = messages_of(looking.visit())
    assert (of_january.raw, of_january.size, of_january.truncated) == (raw, len(raw), False)
    assert (of_january.folder, of_january.role, of_january.delivered_at) == ("INBOX", "INBOX", at)
    assert of_the_future.delivered_at == looking.clock.now()


def test_folders_have_their_roles_and_trash_is_left_out(delivery: Delivery, looking: Looking) -> None:
    for folder in ("Junk", "Lists.News", "Trash", "Sent"):
        delivery.put(folder, folder)
    (delivery.path / ".notes").mkdir()
    found = [(m.folder, m.role) for m in messages_of(looking.visit())]
    assert found == [("Junk", "JUNK"), ("Lists/News", "OTHER")]
    named = Looking(settings(delivery.path, ("Inbox", "Trash", "None")))
    assert [m.folder for m in messages_of(named.visit())] == ["Trash"]
    assert [f.folder for f in named.failures] == ["None"]
    named.visit()
    assert named.failures == []


def test_a_quiet_hour_is_covered_and_so_is_one_in_which_mail_came(delivery: Delivery, looking: Looking) -> None:
    assert covered(looking.visit()) == []  # the first look has nothing to compare with
    assert covered(looking.visit()) == [CoverageKind.LIVE]
    delivery.put("a")
    assert covered(looking.visit()) == [CoverageKind.LIVE]
    delivery.put("b")
    looking.again()
    visits = looking.visit(timedelta(days=1))
    assert (subjects(visits), covered(visits)) == (["b"], [CoverageKind.RETROSPECTIVE])
    assert covered(looking.visit()) == [CoverageKind.LIVE]


def test_a_folder_that_nobody_touched_is_not_listed_again(
    delivery: Delivery, looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[Path] = []
    listing = maildir._list

    def noted(path: Path) -> tuple[maildir._Entry, ...]:
        listed.append(path)
        return listing(path)

    monkeypatch.setattr(maildir, "_list", noted)
    delivery.put("a")
    for _ in range(3):
        looking.visit()
    assert len(listed) == 1
    looking.again()
    assert covered(looking.visit()) == [CoverageKind.LIVE]
    assert len(listed) == 1
    delivery.put("b")
    assert subjects(looking.visit()) == ["b"]
    assert len(listed) == 2


ACT = st.sampled_from(["deliver", "deliver to Junk", "open", "mark", "delete", "move to Junk", "look", "restart"])


@given(acts=st.lists(ACT, max_size=25), random=st.randoms(use_true_random=False))
@hypothesis_settings(max_examples=60, deadline=None)
def test_whatever_people_and_programs_do_each_message_is_read_once_in_each_place(acts: list[str], random: Random) -> None:
    with tempfile.TemporaryDirectory() as folder:
        delivery = Delivery(Path(folder) / "Maildir")
        junk = delivery.path / ".Junk"
        delivery.box.add_folder("Junk")
        looking, number, read = Looking(settings(delivery.path)), 0, Counter[tuple[str, str]]()
        there: set[tuple[str, str]] = set()
        for act in [*acts, "look"]:
            files = sorted(file for place in (delivery.path, junk) for sub in ("new", "cur") for file in (place / sub).iterdir())
            file = random.choice(files) if files else None
            if act.startswith("deliver"):
                delivery.put(f"{number}", "Junk" if act.endswith("Junk") else None)
                number += 1
            elif act == "look":
                there = {(_folder(file, junk), _subject(file)) for file in files}
                read.update((m.folder, _first(m.raw)) for m in messages_of(looking.visit()))
                assert looking.failures == []
                assert there <= read.keys()
                assert set(read.values()) <= {1}
            elif act == "restart":
                looking.again()
            elif file is not None and act == "open":
                file.rename(file.parent.parent / "cur" / (file.name if ":" in file.name else f"{file.name}:2,"))
            elif file is not None and act == "mark":
                file.rename(file.parent.parent / "cur" / f"{file.name.partition(':')[0]}:2,{random.choice(['', 'S', 'FS'])}")
            elif file is not None and act == "delete":
                file.unlink()
            elif file is not None and file.is_relative_to(delivery.path / "cur"):
                file.rename(junk / "cur" / file.name)


def _folder(file: Path, junk: Path) -> str:
    return "Junk" if file.is_relative_to(junk) else "INBOX"


def _subject(file: Path) -> str:
    return _first(file.read_bytes())


def _first(raw: bytes) -> str:
    return raw.split(b"\n")[0].decode().strip()


def test_what_came_out_and_could_not_be_stored_comes_out_again(delivery: Delivery, looking: Looking) -> None:
    looking.visit()
    delivery.put("one")
    delivery.put("two")
    assert [len(v.messages) for v in looking.inbox.visit(looking.checkpoints, looking.clock) if isinstance(v, FolderVisit)] == [2]
    assert sorted(subjects(looking.visit())) == ["one", "two"]
    assert looking.visit()[0].messages == ()


def test_mail_that_came_and_went_leaves_the_time_unknown(delivery: Delivery, looking: Looking) -> None:
    looking.visit()
    delivery.put("gone").unlink()
    assert covered(looking.visit()) == []
    assert covered(looking.visit()) == [CoverageKind.LIVE]


def test_known_mail_that_was_taken_away_leaves_the_time_unknown(delivery: Delivery, looking: Looking) -> None:
    kept = delivery.put("a")
    looking.visit()
    delivery.put("b")
    kept.unlink()
    [visit] = looking.visit()
    assert (subjects([visit]), visit.coverage) == (["b"], ())
    assert visit.vanished == tuple((m.uid, m.uid) for m in messages_of(looking.visits[:1]))
    assert covered(looking.visit()) == [CoverageKind.LIVE]


def test_a_folder_in_place_of_another_is_read_anew_and_the_time_between_is_unknown(delivery: Delivery, looking: Looking) -> None:
    delivery.put("a")
    looking.visit()
    looking.visit()
    shutil.copytree(delivery.path, delivery.path.with_name("copy"))
    delivery.path.rename(delivery.path.with_name("old"))
    delivery.path.with_name("copy").rename(delivery.path)
    [visit] = looking.visit()
    assert (visit.restarted, subjects([visit]), visit.coverage) == (True, ["a"], ())


def test_a_long_backlog_comes_in_visits_of_which_the_last_is_compared(delivery: Delivery, looking: Looking) -> None:
    for number in range(250):
        (delivery.path / "new" / f"{1_700_000_000 + number}.M1.host").write_bytes(mail(f"{number:03}"))
    looking.clock.move_to(looking.clock.now())
    visits = looking.visit()
    assert [len(v.messages) for v in visits] == [200, 50]
    assert subjects(visits) == [f"{number:03}" for number in range(250)]
    assert [v.checkpoint.state is None for v in visits] == [True, False]
    assert len({m.uid for m in messages_of(visits)}) == 250
    assert all(0 < m.uid < 2**62 for m in messages_of(visits))


def test_a_crash_in_a_backlog_costs_a_repeat_and_claims_nothing(delivery: Delivery, looking: Looking) -> None:
    looking.visit()
    for number in range(250):
        (delivery.path / "new" / f"{1_700_000_000 + number}.M1.host").write_bytes(mail(f"{number:03}"))
    halfway = next(iter(looking.inbox.visit(looking.checkpoints, looking.clock)))
    assert isinstance(halfway, FolderVisit)
    looking.checkpoints["INBOX"] = halfway.checkpoint
    looking.stored["INBOX", halfway.checkpoint.uidvalidity] = {m.uid for m in halfway.messages}
    looking.again()
    visits = looking.visit()
    assert (subjects(visits), covered(visits)) == ([f"{number:03}" for number in range(200, 250)], [])


def test_a_message_that_cannot_be_read_is_told_and_the_others_are_read(delivery: Delivery, looking: Looking) -> None:
    looking.visit()
    (delivery.path / "new" / "1.M1.host").symlink_to("/etc/hostname")
    os.mkfifo(delivery.path / "new" / "2.M1.host")
    delivery.put("a")
    visits = looking.visit()
    assert (subjects(visits), covered(visits)) == (["a"], [])
    assert len(looking.failures) == 2
    assert {f.cause for f in looking.failures} == {FailureCause.FOLDER}


def test_of_a_large_message_the_beginning_is_kept(delivery: Delivery) -> None:
    looking = Looking(settings(delivery.path), limit=300_000)
    (delivery.path / "new" / "1700000000.M1.host").write_bytes(mail("large", 400_000))
    [message] = messages_of(looking.visit())
    assert (message.truncated, len(message.raw)) == (True, 262_144)
    assert message.size > 400_000


def test_what_is_no_maildir_is_said(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(InboxError, match="is no Maildir that can be read") as caught:
            Looking(settings(path)).visit()
        assert caught.value.cause is FailureCause.FOLDER


def test_a_folder_that_is_gone_is_told_once(delivery: Delivery, looking: Looking) -> None:
    delivery.put("a", "Junk")
    looking.visit()
    shutil.rmtree(delivery.path / ".Junk")
    looking.visit()
    assert [(f.folder, f.cause) for f in looking.failures] == [("Junk", FailureCause.FOLDER)]
    looking.visit()
    assert looking.failures == []


def test_beside_a_real_server_that_moves_and_marks_mail_each_is_read_once(dovecot: Dovecot) -> None:
    user = dovecot.user()
    user.deliver(mail("a"))
    looking = Looking(settings(dovecot.root / "mail" / user.name))
    assert [m.raw[:10] for m in messages_of(looking.visit())] == [b"Subject: a"]
    mailbox.Maildir(dovecot.root / "mail" / user.name).add(mail("b"))
    if os.geteuid() == 0:
        shutil.chown(next((dovecot.root / "mail" / user.name / "new").iterdir()), "mail", "mail")
    with user.client() as client:
        client.select("INBOX")  # Dovecot moves it from `new` to `cur`
        client.store("1:2", "+FLAGS", "(\\Seen)")
        visits = looking.visit()
        assert subjects(visits) == ["b"]
        client.store("2", "+FLAGS", "(\\Deleted)")
        client.expunge()
    assert covered(looking.visit()) == []
    assert covered(looking.visit()) == [CoverageKind.LIVE]


def test_a_checkpoint_says_how_many_there_are(delivery: Delivery, looking: Looking) -> None:
    delivery.put("a")
    [visit] = looking.visit()
    assert (visit.checkpoint.last_uid, visit.checkpoint.messages) == (1, 1)
