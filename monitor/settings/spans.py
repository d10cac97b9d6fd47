"""Spans of time as people write them in settings: `30s`, `5m`, `1.5h`, `7d`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

_SPAN = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_span(text: str) -> timedelta:
    """`30s`, `5m`, `1.5h`, `7d` as a span; ValueError says what was expected."""
    fits = _SPAN.fullmatch(text.strip())
    if fits is None:
        raise ValueError(f'expected a span such as "5m", got "{text}"')
    return timedelta(**{_UNITS[fits[2]]: float(fits[1])})


def _span(value: object) -> object:
    """A bare number does not say its unit."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return parse_span(value)
    raise ValueError(f'expected a span such as "5m", got {"a list or keys" if isinstance(value, list | dict) else value}')


def _some_time(value: timedelta) -> timedelta:
    if value < timedelta(seconds=1):
        raise ValueError('expected a span of at least "1s"')
    return value


Span = Annotated[timedelta, BeforeValidator(_span)]
SomeTime = Annotated[Span, AfterValidator(_some_time)]
"""A span of at least a second."""
