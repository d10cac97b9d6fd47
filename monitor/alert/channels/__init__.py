"""Channels: each takes a notice to where it is read, or says in one line what to mend."""

from monitor.alert.channels.channel import Channel
from monitor.alert.channels.opening import open_channel, open_channels

__all__ = ["Channel", "open_channel", "open_channels"]
