"""Garbage: how often Python looks for objects that only hold each other; all others go as soon as nobody holds them."""

from __future__ import annotations

import gc

SELDOM = (50_000, 5, 2)
"""Objects that are made, and not let go, between two looks at the new ones; looks at the new for one at the older; and so on.

A batch of messages is some 50,000 objects, none of which hold each other. Python's 700 would look at all of them, and
at the signatures, over and over while a batch is read: a third of all that reading costs. Some megabytes may wait instead.
"""


def look_seldom() -> None:
    """For processes that read mail."""
    gc.set_threshold(*SELDOM)


def leave_aside() -> None:
    """Look for garbage in all there is, and no more until the next call: years of sends stay, and each look takes a second.

    What was set aside before is looked at as well: of what lives on in a circle and is dropped later nothing would ever be freed.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
