"""Set up logging: one line an event on stderr, readable on a terminal, JSON where no person is watching."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog


def set_up(*, verbose: bool = False, quiet: bool = False, as_json: bool | None = None, to: TextIO | None = None) -> None:
    """Send all logs, ours and the libraries', to stderr or `to`; `quiet` keeps warnings only.

    `as_json` None: JSON unless that is a terminal.
    """
    stream = to or sys.stderr
    level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    plain = not stream.isatty() if as_json is None else as_json
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer() if plain else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, renderer] if plain else [*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    # What its scheduler drops we count and log ourselves (monitor/app/service.py).
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
