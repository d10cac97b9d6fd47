"""Tables: what is kept of mail, coverage and alerts. Rows never leave the store; `documents` and readers make values of them."""

from monitor.store.tables.alerts import alerts, notices
from monitor.store.tables.mail import copies, evidence, folders, inboxes, packed, problems, sends, streams
from monitor.store.tables.places import placements, tab_stays
from monitor.store.tables.progress import counters, marks, states
from monitor.store.tables.watching import canaries, coverage, failures, inbox_notes

__all__ = [
    "alerts",
    "canaries",
    "copies",
    "counters",
    "coverage",
    "evidence",
    "failures",
    "folders",
    "inbox_notes",
    "inboxes",
    "marks",
    "notices",
    "packed",
    "placements",
    "problems",
    "sends",
    "states",
    "streams",
    "tab_stays",
]
