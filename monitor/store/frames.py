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
    content = {message.sha256: message.raw for message in messages}
    if not any(content.values()):  # the call below refuses where there is nothing to compress
        return {digest: _compressor().compress(raw) for digest, raw in content.items()}
    # All by one call, so that a thread that does this waits for the interpreter once, not at each of them.
    frames = _compressor().multi_compress_to_buffer(list(content.values()))
    return {digest: frames[number].tobytes() for number, digest in enumerate(content)}


def content_of(frame: bytes) -> bytes:
    """What was compressed; zstandard.ZstdError where this is no frame. Part of a frame gives part of it."""
    return zstandard.ZstdDecompressor().decompressobj().decompress(frame)


def _compressor() -> zstandard.ZstdCompressor:
    """One a thread: they are costly to make and may not be shared."""
    known: zstandard.ZstdCompressor | None = getattr(_local, "compressor", None)
    if known is None:
        known = _local.compressor = zstandard.ZstdCompressor(level=_LEVEL)
    return known
