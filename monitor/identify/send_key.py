"""Name what the copies of one send have in common, so that a second seed inbox never doubles a rhythm."""

from __future__ import annotations

import re

from monitor.model import Identification, Message

_REPLY = re.compile(r"^(?:(?:re|fwd?|aw|wg)\s*:\s*)+", re.IGNORECASE)
_BLANK = re.compile(r"\s+")
SUBJECT_LIMIT = 200


def send_fingerprints(message: Message, identification: Identification) -> tuple[str, ...]:
    """Strongest first: the mailing's number at the provider, the normalised subject, the digest of the text.

    The number tells sends apart for certain; subject and text do so only within a stream and a window of time.
    """
    found: list[str] = []
    if identification.job:
        account = identification.account.id if identification.account else ""
        found.append(f"job:{identification.job}:{account}")
    if message.subject and (subject := normalised_subject(message.subject)):
        found.append(f"subject:{subject}")
    if message.body_fingerprint:
        found.append(f"body:{message.body_fingerprint}")
    return tuple(found)


def normalised_subject(subject: str) -> str:
    """Lower-case, blanks joined, `Re:` and `Fwd:` taken off."""
    return _REPLY.sub("", _BLANK.sub(" ", subject).strip()).lower()[:SUBJECT_LIMIT]
