"""The database's own words: what an error says, and what it must not say."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from monitor.errors import StoreError
from monitor.store.database import Database


def test_an_error_repeats_nothing_of_what_was_to_be_stored(url: str) -> None:
    database = Database(url)
    try:
        with pytest.raises((DBAPIError, StoreError)) as caught, database.write() as connection:
            connection.execute(text("INSERT INTO nowhere VALUES (:address)"), {"address": "seed-7@example.org"})
    finally:
        database.close()
    told = f"{caught.value} {caught.value.__cause__}"
    assert "nowhere" in told
    assert "seed-7" not in told
