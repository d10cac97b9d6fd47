"""The demo's face: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from monitor.demo.replay import Step
from monitor.demo.story import WATCHED, Line, Story, Tone, clock_time

STYLES = {Tone.MAIL: "", Tone.DAY: "dim", Tone.ALERT: "bold red"}


class Display(Protocol):
    def show(self, step: Step, story: Story, streams: int, lines: Sequence[Line]) -> None:
        """Tell of one step; `streams` is how many streams the service knows."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


class PlainDisplay:
    """One line an event: for logs, pipes and CI."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def show(self, step: Step, story: Story, streams: int, lines: Sequence[Line]) -> None:
        for line in lines:
            self._console.print(Text(str(line)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass


class LiveDisplay:
    """The events scroll; below them stand the archive's clock, what is known by then, and how far the replay is."""

    def __init__(self, console: Console, total: int, page: str) -> None:
        self._page = page
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(None), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn()
        )
        self._task = self._progress.add_task("January 2021", total=total)
        self._live = Live(self._progress, console=console, refresh_per_second=8, transient=True)

    def show(self, step: Step, story: Story, streams: int, lines: Sequence[Line]) -> None:
        for line in lines:
            self._live.console.print(Text(str(line), style=STYLES[line.tone]))
        self._progress.advance(self._task)
        self._live.update(Group(self._facts(step, story, streams), self._progress))

    def _facts(self, step: Step, story: Story, streams: int) -> Panel:
        table = Table.grid(padding=(0, 2))
        table.add_column(style="dim")
        table.add_column()
        last = story.last_watched
        table.add_row("archive clock", clock_time(step.at))
        table.add_row("messages in", str(story.mails))
        table.add_row("streams known", str(streams))
        table.add_row(WATCHED, f"last mail {clock_time(last.at)}" if last else "no mail yet")
        table.add_row("page", self._page)
        return Panel(table, title="GoneQuiet demo", title_align="left")

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._live.stop()
