"""`gonequiet demo`: the whole product on a replay of January 2021, with nothing to configure."""

from __future__ import annotations

import json
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from monitor import logs
from monitor.demo import replay
from monitor.demo.archive import read_january
from monitor.demo.check import report, see_through_http, the_alert, the_mail
from monitor.demo.display import Display, LiveDisplay, PlainDisplay
from monitor.demo.stage import Stage, set_stage
from monitor.demo.story import WATCHED, Story
from monitor.settings import WebSettings
from monitor.show.snapshot import ShownAlert

SECONDS = 75.0
"""How long the replay takes for a person who reads along; `--check` goes as fast as the service can."""
LOOK_EVERY = 4
"""The display looks for alerts every fourth step, two hours of the archive."""


def run_demo(*, check: bool = False, port: int | None = None, keep: bool = False, seconds: float | None = None) -> int:
    """Play January 2021; give the exit status. GoneQuietError where it does not come to its end.

    `check`: no display, one JSON line on stdout, then leave. Else events are told, and on a terminal the page stays up
    until Ctrl-C. `port` of the page: None is the usual one, or any if that is taken. `keep` leaves the data behind.
    """
    console = Console(stderr=check, highlight=False, soft_wrap=True)
    interactive = not check and sys.stdin.isatty() and console.is_terminal
    todo = list(replay.steps(read_january(), replay.START, replay.END, replay.STEP))
    pause = 0.0 if check else (SECONDS if seconds is None else seconds) / len(todo)
    with _home(keep) as home, _logs_away(home, interactive), set_stage(home, _port(port), replay.STEP) as stage:
        try:
            page = stage.service.web_url
            _begin(console, page, todo)
            display = LiveDisplay(console, len(todo), page) if interactive else PlainDisplay(console)
            _play(stage, todo, display, pause)
            shown = the_alert(stage.service.snapshot())
            mail = the_mail(shown, stage.sink.mails)
            see_through_http(page, shown)
            if check:
                sys.stdout.write(json.dumps(report(shown, stage.service.snapshot()), ensure_ascii=False) + "\n")
                sys.stdout.flush()
                return 0
            _end(console, page, shown, str(mail["Subject"]), interactive, home if keep else None)
            if interactive:
                threading.Event().wait()
        except KeyboardInterrupt:
            console.print("Stopped.")
    return 0


def _play(stage: Stage, todo: list[replay.Step], display: Display, pause: float) -> None:
    story = Story(replay.START)
    service = stage.service
    known = service.snapshot()
    with display:
        for number, step in enumerate(
            replay.play(iter(todo), stage.clock, stage.deliver, service.caught_up, pause=pause), start=1
        ):
            if number % LOOK_EVERY == 0 or number == len(todo):
                known = service.snapshot()
            display.show(step, story, len(known.states), story.after(step, known.alerts))


@contextmanager
def _home(keep: bool) -> Iterator[Path]:
    if keep:
        yield Path(tempfile.mkdtemp(prefix="gonequiet-demo-"))
        return
    with tempfile.TemporaryDirectory(prefix="gonequiet-demo-") as home:
        yield Path(home)


@contextmanager
def _logs_away(home: Path, interactive: bool) -> Iterator[None]:
    """On a terminal the display owns the screen and logs go to a file; elsewhere warnings stay on stderr."""
    try:
        if interactive:
            with (home / "demo.log").open("w", encoding="utf-8") as file:
                logs.set_up(to=file)
                yield
        else:
            logs.set_up(quiet=True)
            yield
    finally:
        logs.set_up()


def _port(wanted: int | None) -> int:
    """The wanted port, else the usual one if nobody listens there, else 0 for any free one."""
    if wanted is not None:
        return wanted
    with socket.socket() as probe:
        usual = WebSettings().port
        return 0 if probe.connect_ex(("127.0.0.1", usual)) == 0 else usual


def _begin(console: Console, page: str, todo: list[replay.Step]) -> None:
    mails = sum(len(step.arrived) for step in todo)
    console.print(Text(f"Twelve days of January 2021 in about a minute: {mails} real campaign messages, delivered to three seed"))
    console.print(Text("inboxes on a mail server of our own, polled over IMAP by the same service as `gonequiet run`."))
    console.print(Text.assemble("Open ", (page, "bold cyan"), " and watch it while it runs.\n"))


def _end(console: Console, page: str, shown: ShownAlert, subject: str, interactive: bool, kept: Path | None) -> None:
    console.print()
    alert = Panel(Text(shown.text), title=Text(shown.title), title_align="left", border_style="red", expand=False)
    console.print(alert, soft_wrap=False)  # a panel's lines would be cut, not wrapped
    console.print(Text(f"It went out as a mail, too: “{subject}”.\n"))
    tries = [
        f"look at the alert:        {page}/alerts/{shown.alert.id}",
        f"see how its sends ended:  {page}/streams/{WATCHED}",
        f"what Prometheus scrapes:  {page}/metrics",
        "identify a mail of yours: gonequiet identify MAIL.eml",
        "watch your own inboxes:   README.md, “A seed inbox”, then make run",
    ]
    console.print(Text("What to try next"))
    for line in tries:
        console.print(Text(f"  {line}"))
    if kept:
        console.print(Text(f"  the demo's data:          {kept}"))
    if interactive:
        console.print(Text("\nThe page stays up until you press Ctrl-C."))
