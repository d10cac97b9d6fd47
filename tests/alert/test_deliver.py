"""Delivery: what is pending goes out once, in order; what is refused waits; a crash costs a repeat with the same key."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from monitor.alert.channels import Channel, open_channels
from monitor.alert.deliver import Courier, Delivered
from monitor.alert.rehearsal import rehearse
from monitor.errors import ChannelError, StoreError
from monitor.model import Notice, NoticeState
from monitor.settings import ChannelSettings
from tests.alert.made import NOW, notice
from tests.alert.servers import http_server


class Shelf:
    """An outbox in memory that keeps the store's promises."""

    def __init__(self, *notices: Notice) -> None:
        self.notices = {n.id: n for n in notices}
        self.on_mark: Callable[[Notice], None] = lambda _: None

    def due_notices(self, now: datetime) -> Sequence[Notice]:
        pending = (n for n in self.notices.values() if n.state is NoticeState.PENDING)
        return sorted((n for n in pending if n.next_try_at is None or n.next_try_at <= now), key=lambda n: n.id)

    def mark_notice(self, notice: Notice) -> None:
        self.on_mark(notice)
        self.notices[notice.id] = notice


class Keeper:
    """A channel that keeps what it would send, and refuses while `reason` is set, or those notices in `refused`."""

    def __init__(self) -> None:
        self.sent: list[Notice] = []
        self.tried: list[int] = []
        self.reason: str | None = None
        self.refused: set[int] = set()

    def send(self, notice: Notice) -> None:
        self.tried.append(notice.id)
        if self.reason is not None or notice.id in self.refused:
            raise ChannelError("desk", self.reason or "not this one")
        self.sent.append(notice)


def minutes(number: float) -> datetime:
    return NOW + timedelta(minutes=number)


def test_what_is_pending_is_sent_once_in_order() -> None:
    desk = Keeper()
    courier = Courier(Shelf(notice(1), notice(2), notice(3)), {"desk": desk}, max_tries=12)
    assert courier.deliver_due(NOW) == (Delivered("desk", sent=3),)
    assert courier.deliver_due(minutes(1)) == ()
    assert [n.id for n in desk.sent] == [1, 2, 3]


def test_a_refusing_channel_rests_with_growing_pauses_and_then_gets_all() -> None:
    desk, shelf = Keeper(), Shelf(notice(1), notice(2))
    courier = Courier(shelf, {"desk": desk}, max_tries=12)
    desk.reason = "busy"
    for minute in range(8):  # tried at 0, 1, 3 and 7: one notice each time, and not one try for each of them
        courier.deliver_due(minutes(minute))
    assert len(desk.tried) == 4
    desk.reason = None
    courier.deliver_due(minutes(15))
    assert sorted(n.id for n in desk.sent) == [1, 2]
    assert all(n.state is NoticeState.SENT for n in shelf.notices.values())


def test_a_notice_that_a_service_cannot_stomach_keeps_no_other_back() -> None:
    desk, shelf = Keeper(), Shelf(notice(1), notice(2), notice(3))
    desk.refused = {1}
    courier = Courier(shelf, {"desk": desk}, max_tries=3)
    for minute in range(30):
        courier.deliver_due(minutes(minute))
    assert [n.id for n in desk.sent] == [2, 3]
    assert (shelf.notices[1].state, shelf.notices[1].tries, shelf.notices[1].error) == (NoticeState.FAILED, 3, "not this one")


def test_a_dead_channel_delays_no_other() -> None:
    released, arrived = threading.Event(), threading.Event()

    class Hanging:
        def send(self, notice: Notice) -> None:
            assert released.wait(30)

    class Waiting(Keeper):
        def send(self, notice: Notice) -> None:
            super().send(notice)
            arrived.set()

    shelf = Shelf(notice(1, channel="hanging"), notice(2, channel="desk"))
    courier = Courier(shelf, {"hanging": Hanging(), "desk": Waiting()}, max_tries=12)
    running = threading.Thread(target=courier.deliver_due, args=(NOW,))
    running.start()
    assert arrived.wait(30)  # while the other still hangs
    assert running.is_alive()
    released.set()
    running.join()
    assert all(n.state is NoticeState.SENT for n in shelf.notices.values())


def test_a_notice_for_a_channel_that_is_gone_from_the_settings_says_so() -> None:
    shelf = Shelf(notice(1, channel="gone"))
    assert Courier(shelf, {}, max_tries=12).deliver_due(NOW) == (Delivered("gone", refused=1),)
    assert shelf.notices[1].error == "no channel of this name is in the settings any more"


class Killed(BaseException):
    """As if the process were killed here."""


def test_a_kill_between_sending_and_marking_costs_one_repeat_with_the_same_key_and_no_loss() -> None:
    desk, shelf = Keeper(), Shelf(notice(1), notice(2), notice(3))

    def kill_at_second(marked: Notice) -> None:
        if marked.id == 2:
            raise Killed

    shelf.on_mark = kill_at_second
    with pytest.raises(Killed):
        Courier(shelf, {"desk": desk}, max_tries=12).deliver_due(NOW)
    shelf.on_mark = lambda _: None
    Courier(shelf, {"desk": desk}, max_tries=12).deliver_due(minutes(1))
    assert [n.id for n in desk.sent] == [1, 2, 2, 3]
    assert desk.sent[1].key == desk.sent[2].key


def test_a_webhook_sees_the_same_idempotency_key_when_a_refused_notice_comes_again() -> None:
    with http_server() as hook:
        hook.answers = [(503, {}), (200, {})]
        url = f"http://127.0.0.1:{hook.port}/"
        channels = open_channels([ChannelSettings.model_validate({"name": "desk", "kind": "webhook", "url": url})])
        courier = Courier(Shelf(notice(1)), channels, max_tries=12)
        results = [courier.deliver_due(minutes(minute)) for minute in range(3)]
    assert [r[0] for r in results if r] == [Delivered("desk", refused=1), Delivered("desk", sent=1)]
    assert len({request.headers["idempotency-key"] for request in hook.requests}) == 1


# -------------------------------------------------------------------------------------------------- opening, rehearsing


def settings(**keys: object) -> ChannelSettings:
    return ChannelSettings.model_validate({"name": "chat", **keys})


def test_a_channel_without_its_secret_says_so_when_it_is_used_and_the_others_open() -> None:
    channels = open_channels([settings(kind="apprise", url_env="CHAT_URL"), settings(name="log", kind="log")], environ={})
    with pytest.raises(ChannelError, match="the environment variable CHAT_URL is not set"):
        channels["chat"].send(notice())
    channels["log"].send(notice())


@pytest.mark.parametrize(
    "kind",
    [
        {"kind": "webhook", "url": "https://127.0.0.1:9/"},
        {"kind": "smtp", "host": "127.0.0.1", "sender": "a@example.org", "to": ["b@example.org"]},
    ],
)
def test_a_channel_whose_certificate_file_is_missing_says_so(kind: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(ChannelError, match=r"^chat: ca_file: No such file or directory$"):
        open_channels([settings(ca_file=tmp_path / "none.pem", **kind)])["chat"].send(notice())


def test_a_rehearsal_goes_through_the_real_channel() -> None:
    with http_server() as hook:
        rehearse(open_channels([settings(kind="webhook", url=f"http://127.0.0.1:{hook.port}/")])["chat"], NOW)
    (request,) = hook.requests
    assert (request.body["event"], request.body["title"]) == ("test", "Test notice from GoneQuiet")
    assert "8 Jan 2021, 12:00 UTC" in request.body["text"]


def test_a_rehearsal_that_fails_says_what_to_mend() -> None:
    broken: Channel = open_channels([settings(kind="webhook", url="http://127.0.0.1:9/")])["chat"]
    with pytest.raises(ChannelError, match="Connection refused"):
        rehearse(broken, NOW)


def test_the_log_channel_writes_one_line_with_the_facts(capsys: pytest.CaptureFixture[str]) -> None:
    open_channels([settings(name="log", kind="log")])["log"].send(replace(notice(), title="No mail seen from news.example.org"))
    said = capsys.readouterr()
    (line,) = (said.out + said.err).strip().splitlines()
    assert "No mail seen from news.example.org" in line
    assert "2021-01-06T18:22:46Z" in line


def test_what_was_sent_and_could_not_be_marked_is_marked_later_and_not_sent_again() -> None:
    desk, shelf = Keeper(), Shelf(notice())
    courier = Courier(shelf, {"desk": desk}, max_tries=3)

    def full(_: Notice) -> None:
        raise StoreError("database or disk is full")

    shelf.on_mark = full
    for _ in range(3):
        with pytest.raises(StoreError):
            courier.deliver_due(NOW)
    shelf.on_mark = lambda _: None
    courier.deliver_due(NOW)
    assert len(desk.sent) == 1
    assert [n.state for n in shelf.notices.values()] == [NoticeState.SENT]


def test_a_bug_in_a_channel_waits_like_a_refusal() -> None:
    class Buggy:
        def send(self, notice: Notice) -> None:
            raise KeyError("title")

    desk, shelf = Keeper(), Shelf(notice(), notice(id=2, channel="buggy", key="2"))
    [buggy, sent] = Courier(shelf, {"desk": desk, "buggy": Buggy()}, max_tries=3).deliver_due(NOW)
    assert (buggy, sent) == (Delivered("buggy", refused=1), Delivered("desk", sent=1))
    assert shelf.notices[2].error == "a fault of ours (KeyError)"
    assert shelf.notices[2].next_try_at == minutes(1)
