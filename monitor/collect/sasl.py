"""SASL with an access token: OAUTHBEARER (RFC 7628) and XOAUTH2, what Gmail, Outlook and others speak over IMAP (pure)."""

from __future__ import annotations

import json
import re

MECHANISMS = ("OAUTHBEARER", "XOAUTH2")
"""The standard first; Outlook has only the other one."""
_STATUS = re.compile(r"[A-Za-z0-9_]{1,40}")


class BearerLogin:
    """One dialogue. The server asks once; where it refuses it says why, and wants a word before its NO."""

    def __init__(self, mechanism: str, user: str, token: str, host: str, port: int) -> None:
        self._mechanism = mechanism
        if mechanism == "OAUTHBEARER":
            identity = user.replace("=", "=3D").replace(",", "=2C")
            said = f"n,a={identity},\x01host={host}\x01port={port}\x01auth=Bearer {token}\x01\x01"
        else:
            said = f"user={user}\x01auth=Bearer {token}\x01\x01"
        self._said: bytes | None = said.encode()
        self.refusal: str | None = None
        """The server's own word for why, such as `invalid_token` or `400`; no sentence, as that might hold anything."""

    def answer(self, challenge: bytes) -> bytes:
        """The token, then the empty word that RFC 7628 §3.2.3 and Google's XOAUTH2 want after a refusal."""
        if self._said is not None:
            said, self._said = self._said, None
            return said
        self.refusal = _status(challenge)
        return b"\x01" if self._mechanism == "OAUTHBEARER" else b""


def _status(challenge: bytes) -> str | None:
    try:
        status = json.loads(challenge)["status"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return str(status) if _STATUS.fullmatch(str(status)) else None
