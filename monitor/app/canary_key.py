"""The key that signs canary mail: made at its first use, kept beside the data, readable to the service's user alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from monitor.errors import StoreError
from monitor.settings import Settings

LENGTH = 32


def canary_key(settings: Settings) -> bytes | None:
    """The key; None where canary mail was never set up. StoreError where its file cannot be read, written or used.

    It is read where canaries are sent no more, too: those that were keep being told from other mail.
    """
    path = settings.canary_key_file
    try:
        if settings.canary is not None and not path.exists():
            _make(path)
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "expected 64 hex digits"
        raise StoreError(f"{path}: {reason}; it signs canary mail, restore it or remove it for a new one") from error
    if len(key) != LENGTH:
        raise StoreError(f"{path}: expected 64 hex digits; it signs canary mail, restore it or remove it for a new one")
    return key


def _make(path: Path) -> None:
    """Whole or not at all, and the first one stays, whoever else makes one at the same moment."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(secrets.token_hex(LENGTH) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
