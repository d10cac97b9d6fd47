"""IDLE without a socket: news are heard however the bytes are cut, and a server that is gone is noticed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.collect.idle_session import IdleEnded, IdleSession


def begun(now: float = 0) -> IdleSession:
    session = IdleSession(timeout=30, renew_every=540)
    assert session.start(now) == b"I1 IDLE\r\n"
    return session


def idling() -> IdleSession:
    session = begun()
    assert session.receive(b"+ idling\r\n", 1) == (b"", True)
    return session


def test_when_idling_begins_a_look_is_due_for_what_came_before() -> None:
    idling()


def test_news_in_the_packet_of_the_plus_are_heard() -> None:
    assert begun().receive(b"* 4 EXISTS\r\n+ idling\r\n", 1) == (b"", True)
    session = IdleSession(timeout=30, renew_every=540, already=b"* 9 EXI")
    session.start(0)
    assert session.receive(b"STS\r\n", 1) == (b"", True)


def test_news_are_heard_once_wherever_the_bytes_are_cut() -> None:
    stream = b"* OK Still here\r\n* 12 EXISTS\r\n* 3 EXPUNGE\r\n"
    for cut in range(len(stream) + 1):
        session = idling()
        told = [session.receive(part, 2)[1] for part in (stream[:cut], stream[cut:])]
        assert sum(told) == 1


@pytest.mark.parametrize(
    "line", [b"* OK Still here", b"* 3 EXPUNGE", b"* 2 FETCH (FLAGS (\\Seen))", b"* OK 4 EXISTS", b"* FLAGS ()"]
)
def test_other_answers_are_no_news(line: bytes) -> None:
    assert idling().receive(line + b"\r\n", 2) == (b"", False)


def test_a_literal_is_skipped_and_its_text_is_no_news() -> None:
    session = idling()
    answer = b"* 1 FETCH (BODY[] {14}\r\n* 5 EXISTS\r\n\r\n X {2}\r\nab)\r\n* 6 EXISTS\r\n"
    for cut in range(len(answer)):
        session = idling()
        told = [session.receive(part, 2)[1] for part in (answer[:cut], answer[cut:])]
        assert sum(told) == 1


def test_it_is_renewed_in_time_and_each_round_trip_proves_the_connection() -> None:
    session = idling()
    assert session.tick(540) == b""
    assert session.tick(541) == b"DONE\r\n"
    assert session.receive(b"* 8 EXISTS\r\nI1 OK done\r\n", 542) == (b"I2 IDLE\r\n", True)
    assert session.renewed == 1
    assert session.receive(b"+ idling\r\n", 543) == (b"", False)
    assert session.tick(1000) == b""


@pytest.mark.parametrize("done", [False, True])
def test_a_server_that_does_not_answer_is_given_up(done: bool) -> None:
    session = idling() if done else begun()
    if done:
        assert session.tick(541) == b"DONE\r\n"
    now = 541 if done else 0
    assert session.tick(now + 29) == b""
    with pytest.raises(IdleEnded, match="does not answer"):
        session.tick(now + 31)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"* BYE autologout\r\n", "BYE"),
        (b"I1 NO not now\r\n", "does not let us idle"),
        (b"I1 BAD what\r\n", "does not let us idle"),
        (b"I1 OK enough\r\n", "does not let us idle"),
        (b"220 ready\r\n", "does not speak IMAP"),
        (b"x" * 70_000, "a line without end"),
    ],
)
def test_an_end_says_why(data: bytes, why: str) -> None:
    with pytest.raises(IdleEnded, match=why):
        idling().receive(data, 2)


@given(
    st.lists(
        st.one_of(st.binary(max_size=60), st.sampled_from([b"+ x\r\n", b"* 1 EXISTS\r\n", b"I1 OK\r\n", b"{3}\r\n"])), max_size=12
    )
)
def test_no_bytes_bring_it_down_otherwise(parts: list[bytes]) -> None:
    session = begun()
    try:
        for now, part in enumerate(parts):
            session.receive(part, now)
            session.tick(now)
    except IdleEnded:
        pass
