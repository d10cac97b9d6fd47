"""Documents: values that are kept whole, as JSON in one column."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError, SchemaSerializer

from monitor.model import Finding, Identification

_IDENTIFICATION = TypeAdapter(Identification)
_FINDING = TypeAdapter(Finding)


def _without_enums(schema: Any) -> Any:
    """A schema that takes an enum of text as the text that it is: asking each for its value is a third of all the writing."""
    if isinstance(schema, dict):
        if schema.get("type") == "enum" and schema.get("sub_type") == "str":
            return {"type": "str"}
        return {name: _without_enums(value) for name, value in schema.items()}
    return [_without_enums(value) for value in schema] if isinstance(schema, list) else schema


_write_identification = SchemaSerializer(_without_enums(_IDENTIFICATION.core_schema)).to_json
_encode = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode

LONGEST = 500
"""Characters of a name or a header field that are kept beside the original. PostgreSQL indexes no text of over 2,704 octets."""


def storable(text: str) -> str:
    """Without what PostgreSQL or SQLite cannot keep in text: NUL and lone surrogates, which only broken mail contains."""
    if text.isprintable():
        return text
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def kept(text: str | None) -> str | None:
    """What is kept of a header field beside the original."""
    return None if text is None else storable(text[:LONGEST])


def identification_to_json(identification: Identification) -> str:
    """Compact, without what is not known."""
    try:
        return _write_identification(identification, exclude_defaults=True).decode()
    except PydanticSerializationError:  # a lone surrogate, which only broken mail contains
        known = _IDENTIFICATION.dump_python(identification, mode="json", exclude_defaults=True)
        return storable(json.dumps(known, separators=(",", ":"), ensure_ascii=False))


def identification_from_json(document: str) -> Identification:
    return _IDENTIFICATION.validate_json(document)


def finding_to_json(finding: Finding | None) -> str | None:
    return None if finding is None else _FINDING.dump_json(finding, exclude_defaults=True).decode()


def finding_from_json(document: str | None) -> Finding | None:
    return None if document is None else _FINDING.validate_json(document)


def to_json(value: Mapping[str, object] | Iterable[str]) -> str:
    """Compact, the same for equal values, and plain ASCII: whatever a sender wrote can be stored."""
    ready = dict(value) if isinstance(value, Mapping) else list(value)
    return _encode(ready)


def authentication_to_text(results: Iterable[tuple[str, str]]) -> str | None:
    """`spf=pass dkim=fail`; None for no results."""
    return storable(" ".join(f"{method}={result}" for method, result in results)) or None


def authentication_from_text(text: str | None) -> tuple[tuple[str, str], ...]:
    if not text:
        return ()
    return tuple((method, result) for method, _, result in (pair.partition("=") for pair in text.split(" ")))


@lru_cache(maxsize=8192)
def names_to_json(names: tuple[str, ...]) -> str:
    """Remembered, as below."""
    return to_json(names)


@lru_cache(maxsize=8192)
def names_from_json(document: str) -> tuple[str, ...]:
    """Remembered: the copies of one send have the same fingerprints, and most sends the same inboxes."""
    return tuple(str(name) for name in json.loads(document))


def counts_from_json(document: str) -> dict[str, int]:
    return {str(name): int(count) for name, count in json.loads(document).items()}


def payload_from_json(document: str) -> dict[str, object]:
    return {str(name): value for name, value in json.loads(document).items()}
