"""Packs: many originals that came at once, in one file; making a file for each would cost more than all else about them.

A pack is a run of frames, each after a skippable frame (RFC 8878 §3.1.2) that says whose it is: 32 octets of SHA-256 and 4
of the length of the frame that follows, little-endian. So any `zstd -d` gives the messages one after another, and where they
lie can be found again from the pack alone.
"""

from __future__ import annotations

import hashlib
import os
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_LABEL = struct.Struct("<II32sI")
_SKIPPABLE = 0x184D2A50
_FOLDER, _FILE = 0o700, 0o600


@dataclass(frozen=True, slots=True)
class InPack:
    """Where a frame lies: octets from the beginning of the pack, and of the frame."""

    pack: int
    start: int
    length: int


def path_of(originals: Path, pack: int) -> Path:
    return originals / "packs" / f"{pack:016x}.zst"


def write_pack(originals: Path, frames: Mapping[str, bytes]) -> dict[str, InPack]:
    """Write frames (SHA-256 → frame) as one pack; on return it is on the disk. OSError where it cannot be.

    A pack is called after its content: the same frames once more are the same pack.
    """
    parts: list[bytes] = []
    starts: list[int] = []
    end = 0
    for digest, frame in frames.items():
        parts += [_LABEL.pack(_SKIPPABLE, _LABEL.size - 8, bytes.fromhex(digest), len(frame)), frame]
        starts.append(end + _LABEL.size)
        end += _LABEL.size + len(frame)
    content = b"".join(parts)
    pack = int.from_bytes(hashlib.sha256(content).digest()[:8]) >> 1  # a database's numbers have 63 bits and a sign
    target = path_of(originals, pack)
    if not target.exists():
        target.parent.mkdir(mode=_FOLDER, exist_ok=True)
        write_whole(target, content)
        sync_folder(target.parent)
    return {digest: InPack(pack, start, len(frame)) for start, (digest, frame) in zip(starts, frames.items(), strict=True)}


def read_frame(originals: Path, where: InPack) -> bytes:
    """FileNotFoundError where the pack is gone; less than the frame where the pack was cut off."""
    with path_of(originals, where.pack).open("rb") as file:
        return os.pread(file.fileno(), where.length, where.start)


def write_whole(target: Path, content: bytes) -> None:
    """Under another name first, so that a file with the right name is always whole."""
    partial = target.with_name(f"{target.stem}.{os.getpid()}-{threading.get_ident()}.partial")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE)
    with os.fdopen(handle, "wb", buffering=0) as file:
        file.write(content)
        os.fsync(handle)
    partial.replace(target)


def sync_folder(folder: Path) -> None:
    """Bring the names of the files in it to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
