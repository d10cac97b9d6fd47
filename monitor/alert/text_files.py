"""Read the alert texts: the shipped ones in `config/texts/`, and a user's own of the same names over them."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources.abc import Traversable
from pathlib import Path

from monitor.alert.text import Texts
from monitor.shipped import shipped


def load_texts(own: Path | None = None) -> Texts:
    """All templates by file name; a file in `own` (a folder, which need not exist) replaces the shipped one."""
    sources = dict(_read(shipped("config/texts")))
    if own is not None and own.is_dir():
        sources.update(_read(own))
    return Texts(sources)


def _read(folder: Traversable) -> Iterable[tuple[str, str]]:
    for file in folder.iterdir():
        if file.name.endswith((".j2", ".part")):
            yield file.name, file.read_text(encoding="utf-8")
