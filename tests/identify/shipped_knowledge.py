"""The shipped signatures and receivers, loaded once for all tests, and real messages to change."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from monitor.collect.parse import parse_message
from monitor.identify.match import Identifier
from monitor.identify.receivers import ReceiverSet, load_receivers
from monitor.identify.signatures import SignatureSet, load_signatures
from monitor.model import Identification
from monitor.shipped import shipped

MESSAGES = Path(__file__).resolve().parent.parent / "data" / "messages"


@lru_cache(maxsize=1)
def signatures() -> SignatureSet:
    return load_signatures([shipped("config/providers")])


@lru_cache(maxsize=1)
def receivers() -> ReceiverSet:
    return load_receivers([shipped("config/receivers")])


@lru_cache(maxsize=1)
def identifier() -> Identifier:
    return Identifier(signatures(), receivers())


def identify(text: str, receiver: str | None = None) -> Identification:
    return identifier().identify(parse_message(text.encode("latin-1")), receiver)


def real(name: str) -> str:
    """The text of a real message in tests/data/messages."""
    return (MESSAGES / f"{name}.eml").read_text("latin-1")
