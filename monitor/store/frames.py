"""Frames: a message compressed by itself (Zstandard, RFC 8878), and back."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import zstandard

from monitor.model import RawMessage

_LEVEL = 3
_local = threading.local()


def frames_of(messages: Iterable[RawMessage]) -> dict[str, bytes]:
    """SHA-256 → frame, each once."""
    compress = _compressor().compress
    return {message.sha256: compress(message.raw) for message in messages}


def content_of(frame: bytes) -> bytes:
    """What was compressed; zstandard.ZstdError where this is no frame. Part of a frame gives part of it."""
    return zstandard.ZstdDecompressor().decompressobj().decompress(frame)


def _compressor() -> zstandard.ZstdCompressor:
    """One a thread: they are costly to make and may not be shared."""
    known: zstandard.ZstdCompressor | None = getattr(_local, "compressor", None)
    if known is None:
        known = _local.compressor = zstandard.ZstdCompressor(level=_LEVEL)
    return known
