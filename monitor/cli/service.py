"""Commands that poll: `demo`, `run` and `poll`."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from monitor.app.counters import Counters
from monitor.app.open_files import raise_limit
from monitor.app.polling import Polled, Poller
from monitor.app.service import Service
from monitor.app.session import open_session
from monitor.cli.output import console, table
from monitor.cli.root import ConfigOption, app, read_settings
from monitor.clock import SystemClock
from monitor.errors import GoneQuietError
from monitor.words import count

TOLD_BY = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
"""How systemd, Docker and a terminal speak to the service."""


@app.command()
def demo(
    check: Annotated[
        bool, typer.Option("--check", help="No display: prove the installation, print one JSON line, leave.")
    ] = False,
    port: Annotated[int | None, typer.Option("--port", help="The page's port (default: 8025, or any if that is taken).")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the demo's data behind and say where.")] = False,
    seconds: Annotated[float | None, typer.Option("--seconds", min=1, help="How long the replay should take.")] = None,
) -> None:
    """Watch January 2021 happen: real mail, real polls, a real gap alert, and nothing to configure."""
    try:
        from monitor.demo.run import run_demo
    except ModuleNotFoundError as error:
        raise GoneQuietError(f'the demo needs {error.name}; install it with: pip install "gonequiet[demo]"') from error
    raise typer.Exit(run_demo(check=check, port=port, keep=keep, seconds=seconds))


@app.command()
def run(config: ConfigOption = None) -> None:
    """Run the service: poll, judge, alert, serve pages and metrics. SIGHUP reads the settings anew, SIGTERM ends it."""
    with _signals(TOLD_BY) as signals:  # before the settings are read: what changes after that is told of
        settings, path = read_settings(config)
        raise_limit()
        ends: list[GoneQuietError] = []

        def give_up(why: GoneQuietError) -> None:
            ends.append(why)
            os.kill(os.getpid(), signal.SIGTERM)

        service = Service(settings, SystemClock(), settings_path=path, give_up=give_up)
        try:
            service.start()
            watched = count(len(service.inboxes), "seed inbox")
            console().print(f"GoneQuiet watches {watched}; the page is at {service.web_url}", markup=False)
            if not service.inboxes:
                console().print(f"Name the first one under `inboxes` in {path}; SIGHUP or a restart takes it.", markup=False)
            while next(signals) == signal.SIGHUP:
                service.ask_for_reload()
        finally:
            service.stop()
        if ends:
            raise ends[0]


@contextmanager
def _signals(numbers: frozenset[signal.Signals]) -> Iterator[Iterator[int]]:
    """Each of these signals as it comes, for as long as this lasts.

    A handler of Python's alone does not do: the main thread does not wake for a signal that comes in the moment before it goes
    back to sleep, and a SIGHUP was once lost so. A pipe keeps them. Nor does a mask: libraries start threads before it is set.
    """
    out, into = os.pipe()
    os.set_blocking(into, False)
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    fd = signal.set_wakeup_fd(into, warn_on_full_buffer=False)
    try:
        yield (os.read(out, 1)[0] for _ in itertools.count())
    finally:
        signal.set_wakeup_fd(fd)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(into)
        os.close(out)


@app.command()
def poll(
    names: Annotated[list[str] | None, typer.Argument(metavar="[INBOX]...", help="Inboxes by name; none: all.")] = None,
    config: ConfigOption = None,
) -> None:
    """Look once into the seed inboxes, now, and say what came of it."""
    settings, path = read_settings(config)
    known = {inbox.name: inbox for inbox in settings.inboxes}
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise GoneQuietError(f"no inbox {unknown[0]!r} in the settings; there are: {', '.join(known) or 'none'}")
    wanted = [known[name] for name in names] if names else [inbox for inbox in known.values() if inbox.enabled]
    with open_session(settings, path) as session:
        poller = Poller(session.store, session.receiver, settings.collect, SystemClock(), Counters())
        try:
            polled = [poller.poll(inbox) for inbox in wanted]
        finally:
            poller.close()
    table(("inbox", "result", "new messages"), (_row(p) for p in polled), empty="No seed inbox is configured yet: see inboxes.")
    if any(p.cause for p in polled):
        raise typer.Exit(2)


def _row(polled: Polled) -> tuple[object, ...]:
    return polled.inbox, "ok" if polled.cause is None else f"failed: {polled.cause.value}", polled.new_copies
