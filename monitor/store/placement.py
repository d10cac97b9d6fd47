"""Placement: where a copy counts as placed when it is seen in another folder later (pure)."""

from __future__ import annotations


def _by_the_provider(role: str) -> bool:
    return role in {"INBOX", "JUNK"} or role.startswith("TAB:")


def placed(known: str, seen: str) -> str:
    """The role that counts: a provider moves mail between inbox, tabs and junk; what a person archives or deletes stays."""
    return seen if _by_the_provider(seen) or not _by_the_provider(known) else known
