"""What was expected: each fault that the models find, in one line for the person who wrote the file (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from monitor.settings.lines import Place

_SECRET = ("password", "url", "database", "token", "secret")
_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number of a sensible size",
    "finite_number": "a number that ends",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "dict_type": "keys with values",
    "model_type": "keys with values",
    "model_attributes_type": "keys with values",
    "path_type": "the path of a file",
    "time_delta_type": 'a span such as "5m"',
    "time_delta_parsing": 'a span such as "5m"',
    "date_type": "a date such as 2026-12-24",
    "date_parsing": "a date such as 2026-12-24",
    "date_from_datetime_parsing": "a date such as 2026-12-24",
    "date_from_datetime_inexact": "a date such as 2026-12-24",
    "datetime_type": "a date or a time such as 2026-12-24T18:00:00Z",
    "datetime_parsing": "a date or a time such as 2026-12-24T18:00:00Z",
    "datetime_from_date_parsing": "a date or a time such as 2026-12-24T18:00:00Z",
}
_LIMITS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}


def spelled(path: Place) -> str:
    """`inboxes[3].poll_every`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "the file"


def shown(path: Place, value: object) -> str:
    """`, got "5 minutes"`; nothing where the key may hold a secret or the value is long."""
    if any(word in str(part).lower() for part in path for word in _SECRET):
        return ""
    if isinstance(value, bool):
        return f", got {str(value).lower()}"
    if isinstance(value, str):
        return f', got "{value}"' if len(value) <= 60 else ""
    if isinstance(value, int | float):
        return f", got {value}"
    return {dict: ", got keys with values", list: ", got a list", type(None): ", got nothing"}.get(type(value), "")


def expectation(error: ErrorDetails, root: type[BaseModel]) -> str:
    """One fault as `expected …, got …`."""
    path, kind, value, limits = error["loc"], error["type"], error["input"], error.get("ctx", {})
    got = shown(path, value)
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return _unknown_key(path, root)
    if kind in _TYPES:
        return f"expected {_TYPES[kind]}{got}"
    if kind in ("literal_error", "enum"):
        return f"expected {str(limits['expected']).replace(chr(39), chr(34))}{got}"
    if kind in _LIMITS:
        words, bound = _LIMITS[kind]
        limit = limits[bound]
        return f"expected {words} {limit if isinstance(limit, int) else f'{limit:g}'}{got}"
    if kind == "value_error":
        return str(limits["error"])
    return f"{error['msg']}{got}"


def _unknown_key(path: Place, root: type[BaseModel]) -> str:
    key = str(path[-1])
    if key in ("password", "passwd", "secret", "token"):
        return "passwords stay out of this file: expected password_file or password_env"
    if key == "client_secret":
        return "secrets stay out of this file: expected client_secret_file or client_secret_env"
    model = _model_at(root, path[:-1])
    close = get_close_matches(key, model.model_fields, n=1, cutoff=0.7) if model else []
    return (
        f'unknown key; did you mean "{close[0]}"?'
        if close
        else f"unknown key; known here: {', '.join(model.model_fields) if model else 'none'}"
    )


def _model_at(root: type[BaseModel], path: Place) -> type[BaseModel] | None:
    """The model whose keys stand at a path."""
    model: type[BaseModel] | None = root
    for part in path:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part) if model else None
        model = next(models_in(field.annotation), None) if field else None
    return model


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models_in(inner)
