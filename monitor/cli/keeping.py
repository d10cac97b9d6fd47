"""Commands that look after what is kept: `rebuild` and `db`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from monitor.app.rebuilding import Difference, Rebuilt
from monitor.app.rebuilding import rebuild as read_again
from monitor.app.session import open_session
from monitor.cli.output import console, errors, json_lines, table
from monitor.cli.root import ConfigOption, JsonOption, app, read_settings
from monitor.errors import GoneQuietError
from monitor.store import admin
from monitor.words import count, plain

DIFFERENCES_SHOWN = 20

db = typer.Typer(name="db", help="Look at the database, bring its schema up to date, or copy it.", no_args_is_help=True)
app.add_typer(db)


@app.command()
def rebuild(
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Begin with the first message, where an interrupted rebuild would go on.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Identify all stored mail again, from the originals, with today's signatures and stream rules.

    The service can go on running; send it SIGHUP first, so that it reads new mail with the same signatures.
    """
    settings, path = read_settings(config)
    with open_session(settings, path) as session, _progress() as bar:
        if from_start:
            session.store.rebuild_from_start()
        task = bar.add_task("rebuild", total=None)
        try:
            found = read_again(session.store, session.reader, lambda done, total: bar.update(task, completed=done, total=total))
        except KeyboardInterrupt:
            raise GoneQuietError("interrupted; nothing is lost, and the same command goes on from here") from None
    if as_json:
        json_lines(rebuilt_json(found))
    else:
        _tell(found)
    for reason in found.lost:
        errors().print(Text(f"gonequiet: {reason}; what is stored of it was left as it is"))
    if found.lost:
        raise typer.Exit(2)


def rebuilt_json(found: Rebuilt) -> Iterator[dict[str, object]]:
    """A line for each provider, then one for each difference, then the summary."""
    for role in ("platform", "delivery"):
        for name in sorted(found.before[role] | found.after[role]):
            counts = {"before": found.before[role][name], "after": found.after[role][name]}
            yield {"type": "provider", "role": role, "provider": None if name == "unknown" else name, **counts}
    for difference, messages in _by_size(found):
        examples = [
            {"message_id": e.message_id, "stream": e.stream, "delivered_at": e.delivered_at} for e in found.examples[difference]
        ]
        yield {
            "type": "difference",
            "aspect": difference.aspect,
            "before": difference.before,
            "after": difference.after,
            "messages": messages,
            "examples": examples,
        }
    yield {"type": "summary", "read": found.read, "changed": found.changed, "surer": found.surer, "lost": len(found.lost)}


def _tell(found: Rebuilt) -> None:
    told = f"{count(found.read, 'message')} read again: {found.changed:,} read differently now"
    console().print(Text(told + (f", {found.surer:,} more with another confidence" if found.surer else "")))
    rows = [
        (role, name, before, after)
        for role in ("platform", "delivery")
        for name in sorted(found.before[role] | found.after[role])
        if (before := found.before[role][name]) != (after := found.after[role][name])
    ]
    if rows:
        table(("role", "provider", "messages before", "after"), rows, empty="")
    for difference, messages in _by_size(found)[:DIFFERENCES_SHOWN]:
        was, now = (plain(value, 80) or "unknown" for value in (difference.before, difference.after))
        shown = "; ".join(f"{plain(e.stream, 60) or 'no stream'} <{plain(e.message_id, 80)}>" for e in found.examples[difference])
        console().print(Text(f"{difference.aspect}: {was} → {now}, {count(messages, 'message')}, such as {shown}"))
    if (more := len(found.differences) - DIFFERENCES_SHOWN) > 0:
        console().print(Text(f"… and {count(more, 'other difference')}; --json tells all"))


def _by_size(found: Rebuilt) -> list[tuple[Difference, int]]:
    return sorted(found.differences.items(), key=lambda d: (-d[1], d[0].aspect, d[0].before or "", d[0].after or ""))


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn())
    return Progress(*columns, console=errors(), disable=not sys.stderr.isatty())


@db.command()
def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Which schema the database has, how large it is, and which copies were made of it. Changes nothing."""
    found = admin.status(read_settings(config)[0].database_url)
    facts: dict[str, object] = {
        "database": found.name,
        "schema": found.schema.current,
        "newest_schema": found.schema.newest,
        "is_current": found.schema.is_current,
        "octets": found.octets,
        "rows": found.rows,
        "backups": [str(path) for path in found.schema.backups],
    }
    if as_json:
        json_lines([facts])
        return
    console().print(Text(f"{found.name}: schema {found.schema.current or 'none yet'}, {_wanted(found)}"))
    if found.octets is not None:
        console().print(Text(f"{found.octets / 1e6:,.1f} MB"))
    if found.rows:
        console().print(Text(", ".join(f"{number:,} {name}" for name, number in found.rows.items())))
    for path in found.schema.backups:
        console().print(Text(f"copy from before a change of schema: {path}"))


def _wanted(found: admin.DatabaseStatus) -> str:
    if found.schema.is_current:
        return "up to date"
    return f"this program writes {found.schema.newest}: the next start, or `gonequiet db upgrade`, brings it up to date"


@db.command()
def upgrade(config: ConfigOption = None) -> None:
    """Bring the schema up to date now; every start does the same. A SQLite file is copied before."""
    made = admin.upgrade(read_settings(config)[0].database_url)
    console().print(Text(f"The schema is up to date.{f' A copy from before: {made}' if made else ''}"))


@db.command()
def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it; a file that is there is replaced.")],
    config: ConfigOption = None,
) -> None:
    """Write a whole copy of a SQLite database, while it is in use. For PostgreSQL use pg_dump."""
    settings, _ = read_settings(config)
    admin.backup(settings.database_url, target)
    console().print(Text(f"{target} is a whole copy. The originals are files of their own: keep {settings.originals_dir} too."))
