"""Opened: the database and the originals that every face works on."""

from __future__ import annotations

from monitor.store.database import Database
from monitor.store.raw import Originals


class Opened:
    def __init__(self, database: Database, originals: Originals) -> None:
        self._database, self._originals = database, originals
