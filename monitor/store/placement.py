"""Placement: where a copy counts as placed when it is seen in another folder later (pure)."""

from __future__ import annotations

from collections.abc import Sequence


def _by_the_provider(role: str) -> bool:
    return role in {"INBOX", "JUNK"} or role.startswith("TAB:")


def counts_after(known: str, lying: Sequence[str]) -> str:
    """The role that counts once a copy has left a folder: where it lies still (`lying`, the newest last).

    Mail that lies nowhere was deleted, and mail that lies in no folder of the provider's choice was tidied away: both count
    where they were placed.
    """
    if known in lying:
        return known
    return next((role for role in reversed(lying) if _by_the_provider(role)), known)


def placed(known: str, seen: str) -> str:
    """The role that counts: a provider moves mail between inbox, tabs and junk; what a person archives or deletes stays."""
    return seen if _by_the_provider(seen) or not _by_the_provider(known) else known
