"""Store: the one face of everything that is kept, by topic in `faces`. Values go in and come out; rows and locks stay inside."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

from monitor.errors import StoreError
from monitor.store.claim import claimed
from monitor.store.database import Database
from monitor.store.faces.alerts import Alerts
from monitor.store.faces.archives import Archives
from monitor.store.faces.canaries import Canaries
from monitor.store.faces.mail import Mail
from monitor.store.faces.rebuilding import Rebuilding
from monitor.store.faces.sends import Sends
from monitor.store.faces.states import States
from monitor.store.faces.totals import Totals
from monitor.store.faces.watching import Watching
from monitor.store.raw import Originals
from monitor.store.upgrade import bring_up_to_date


class Store(Mail, Archives, Rebuilding, Sends, States, Watching, Canaries, Alerts, Totals):
    """Safe from many threads: readers go side by side, writers one after another. StoreError says what to mend."""

    @classmethod
    def open(cls, url: str, originals: Path) -> Self:
        """Open, make or bring up to date the database at a SQLAlchemy URL; `originals` is the folder for the raw bytes.

        What is made is for its owner only: it holds whole mails and the addresses of the seeds.
        """
        database = Database(url)
        try:
            if database.file is not None:
                database.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            bring_up_to_date(database)
            return cls(database, Originals(originals))
        except OSError as error:
            database.close()
            raise StoreError(f"{database.name}: {error.strerror}: {error.filename}") from error
        except StoreError:
            database.close()
            raise

    def claim(self) -> AbstractContextManager[Callable[[], None]]:
        """Be the one service on this database while in the context; TakenError on entry where another process is.

        What it gives is to be called now and then, see `claimed`.
        """
        return claimed(self._database)

    def close(self) -> None:
        self._originals.close()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
