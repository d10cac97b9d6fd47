"""What every channel is: a way out for notices."""

from __future__ import annotations

from typing import Protocol

from monitor.model import Notice


class Channel(Protocol):
    """One way out. A repeated notice has the same `key`, which each channel passes on where its protocol has room."""

    def send(self, notice: Notice) -> None:
        """Hand it over; ChannelError says what to mend and whether a later try can help."""
        ...
