"""Carried: a copy on its way from a helper, as plain values: they are written and read in a third of the time of objects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.app.ingest import placed_at
from monitor.model import Account, Confidence, Identification, Message, NewCopy, ParseProblem, RawMessage, StreamKey
from monitor.store.documents import identification_to_json

Values = tuple[Any, ...]

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_CONFIDENCES: dict[str | None, Confidence | None] = {None: None, **{member.value: member for member in Confidence}}


def carry(copy: NewCopy) -> Values:
    """What the store needs and who asked for it has not: no bytes, no headers, evidence but in its document."""
    message, found, key, account = copy.message, copy.identification, copy.key, copy.identification.account
    sent_at, platform, delivery = message.sent_at, found.platform_confidence, found.delivery_confidence
    return (
        copy.raw.sha256,
        message.message_id,
        message.from_address,
        message.subject,
        (sent_at - _EPOCH) // _MICROSECOND if sent_at is not None else None,
        message.link_hosts,
        tuple([(problem.field, problem.detail) for problem in message.problems]),
        found.platform,
        found.delivery,
        (account.provider, account.kind, account.id) if account is not None else None,
        found.sdids,
        platform._value_ if platform is not None else None,
        delivery._value_ if delivery is not None else None,
        found.authentication,
        (key.stream, key.organisation) if key is not None else None,
        copy.send_fingerprints,
        copy.canary,
        copy.address,
        identification_to_json(found),
    )


def carried(raw: RawMessage, values: Values) -> NewCopy:
    """The copy of a message that was read elsewhere."""
    digest, message_id, from_address, subject, microseconds, link_hosts, problems = values[:7]
    platform, delivery, account, sdids, sure_platform, sure_delivery, authentication, key = values[7:15]
    vars(raw)["sha256"] = digest
    sent_at = _EPOCH + timedelta(0, 0, microseconds) if microseconds is not None else None
    message = Message(
        message_id,
        from_address,
        from_name=None,
        from_domain=None,
        subject=subject,
        sent_at=sent_at,
        return_path=None,
        list_id=None,
        list_unsubscribe=(),
        delivered_to=(),
        headers=(),
        fields={},
        link_hosts=link_hosts,
        problems=tuple([ParseProblem(*problem) for problem in problems]),
    )
    found = Identification(
        platform,
        delivery,
        Account(*account) if account is not None else None,
        sdids=sdids,
        platform_confidence=_CONFIDENCES[sure_platform],
        delivery_confidence=_CONFIDENCES[sure_delivery],
        authentication=authentication,
    )
    return NewCopy(
        raw, message, found, StreamKey(*key) if key is not None else None, placed_at(sent_at, raw.delivered_at), *values[15:]
    )
