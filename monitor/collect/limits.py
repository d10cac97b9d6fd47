"""Limits: how much mailbox providers let one account fetch over IMAP in a day (pure)."""

from __future__ import annotations

DAILY_BYTES = {"imap.gmail.com": 2_500_000_000, "imap.googlemail.com": 2_500_000_000}
"""IMAP host → octets. Gmail: 2,500 MB a day, and 15 connections at once, of which we take three at most
(https://support.google.com/a/answer/1071518 and https://support.google.com/mail/answer/7126229)."""
FOR_BACKLOGS = 0.8
"""The share of it up to which bodies of a backlog are read; the rest is for new mail and for other programs of the account."""


def may_read_bodies(host: str, fetched: int) -> bool:
    """Whether bodies of a backlog may be read after so many octets of this day (UTC)."""
    allowed = DAILY_BYTES.get(host.lower())
    return allowed is None or fetched < allowed * FOR_BACKLOGS
