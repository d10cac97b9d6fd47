"""Turn the bytes of one message into a `Message`: never raises, keeps what is odd and says so in `problems`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from monitor.collect.author import author_of
from monitor.collect.body import fingerprint, link_hosts, text_parts
from monitor.collect.dates import parse_date
from monitor.collect.header import by_name, header_fields, split_header
from monitor.collect.words import decode_words, words_fault
from monitor.model import Message, ParseProblem

_URI = re.compile(r"<([^<>]{1,8000})>")
_DELIVERED_TO = frozenset(("delivered-to", "x-original-to", "envelope-to"))
_TOLERATED = timedelta(hours=24)
_NONE = (None,)
"""The values of a name that does not occur."""


def parse_message(raw: bytes, received_at: datetime | None = None) -> Message:
    """Read one message (RFC 5322, RFC 2045). An mbox `From ` line or blank lines at the top are skipped.

    `received_at` (aware, INTERNALDATE) is what a `Date:` in the future is measured against; without it the stamp of the
    topmost Received that has one serves. A naive or `-0000` date counts as UTC.
    """
    problems: list[ParseProblem] = []
    head, body = split_header(raw, problems)
    headers = header_fields(head, problems)
    fields = by_name(headers)
    first = fields.get

    author = author_of(first("from", _NONE)[0], problems)
    if len(first("from", _NONE)) > 1:
        problems.append(ParseProblem("from", "more than one From; the topmost counts"))
    date = first("date", _NONE)[0]
    sent_at = _sent_at(date, problems)
    if sent_at is not None and _is_future(sent_at, date or "", received_at, first("received", ())):
        problems.append(ParseProblem("date", "lies in the future: more than a day after the message was received"))
    message_id = _message_id(first("message-id", _NONE)[0], problems)
    subject = first("subject", _NONE)[0]
    if subject and (fault := words_fault(subject)):
        problems.append(ParseProblem("mime", f"the subject has {fault}"))
    parts = _parts(fields, body, problems)
    return Message(
        message_id=message_id,
        from_address=author.address,
        from_name=author.name,
        from_domain=author.domain,
        subject=None if subject is None else decode_words(subject),
        sent_at=sent_at,
        return_path=_angle(fields["return-path"][0]) if "return-path" in fields else None,
        list_id=_list_id(first("list-id", _NONE)[0]),
        list_unsubscribe=_uris(first("list-unsubscribe", _NONE)[0]),
        delivered_to=()
        if fields.keys().isdisjoint(_DELIVERED_TO)
        else tuple([_angle(value) for name, value in headers if name in _DELIVERED_TO]),
        headers=headers,
        fields=fields,
        link_hosts=link_hosts(parts) if parts else (),
        body_fingerprint=fingerprint(parts) if parts else None,
        problems=tuple(problems),
    )


def _sent_at(value: str | None, problems: list[ParseProblem]) -> datetime | None:
    if not value:
        problems.append(ParseProblem("date", "missing" if value is None else "empty"))
        return None
    moment = parse_date(value)
    if moment is None:
        problems.append(ParseProblem("date", "not a date"))
    return moment


def _is_future(sent_at: datetime, written: str, received_at: datetime | None, hops: Sequence[str]) -> bool:
    """More than a day after it was received, by the server or else by the topmost Received with a time."""
    if received_at is None:
        for value in hops:
            stamp = value[-80:].rpartition(";")
            if not stamp[1]:
                continue
            if written[:16] in stamp[2]:  # the same day, as with nearly all mail: nothing to work out
                return False
            received_at = parse_date(stamp[2].strip())
            break
    return received_at is not None and sent_at > received_at + _TOLERATED


def _message_id(value: str | None, problems: list[ParseProblem]) -> str | None:
    if not value:
        problems.append(ParseProblem("message-id", "missing" if value is None else "empty"))
        return None
    return _angle(decode_words(value) if "=?" in value else value)[:998] or None


def _angle(value: str) -> str:
    """What stands in <…>, else the value itself."""
    start, end = value.find("<"), value.rfind(">")
    return (value[start + 1 : end] if 0 <= start < end else value).strip()


def _list_id(value: str | None) -> str | None:
    """The identifier without its description, lower-case (RFC 2919)."""
    return (_angle(value).lower() or None) if value else None


def _uris(value: str | None) -> tuple[str, ...]:
    """The URIs of a List-Unsubscribe (RFC 2369), blank space inside removed; some senders encode the whole (RFC 2047)."""
    if not value:
        return ()
    text = decode_words(value) if "=?" in value else value
    found = _URI.findall(text) or text.split(",")
    return tuple([uri for item in found if (uri := "".join(item.split()))])


def _parts(fields: Mapping[str, Sequence[str]], body: bytes, problems: list[ParseProblem]) -> list[tuple[str, str]]:
    if not body:
        return []
    faults: list[str] = []
    try:
        return text_parts(fields.get("content-type", [""])[0], fields.get("content-transfer-encoding", [""])[0], body, faults)
    except ValueError as error:
        problems.append(ParseProblem("body", f"cannot be decoded: {error}"[:120]))
        return []
    finally:
        problems.extend(ParseProblem("mime", fault) for fault in dict.fromkeys(faults))
