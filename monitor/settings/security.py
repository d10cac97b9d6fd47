"""How a connection to a server is protected."""

from __future__ import annotations

from enum import StrEnum


class Security(StrEnum):
    TLS = "tls"
    STARTTLS = "starttls"
    PLAIN = "plain"
    """Only for a server on loopback."""
