"""Help, misuse, and the ends of the stream: what every command has in common."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import typer.main

import monitor
from monitor.cli.root import TOPICS, app, load_commands
from tests.cli.conftest import Run

load_commands()


def _commands(of: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, command in getattr(of, "commands", {}).items():
        yield from _commands(command, (*path, name))


COMMANDS = sorted(_commands(typer.main.get_command(app)))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_on_stdout(command: tuple[str, ...], gonequiet: Run) -> None:
    ran = gonequiet(*command, "--help")
    assert ran.status == 0
    assert "Usage: gonequiet" in ran.out
    assert len(ran.out.splitlines()) > 3
    assert ran.err == ""


def test_every_command_is_found_in_the_file_that_is_imported_for_it() -> None:
    known = [
        (command.name or command.callback.__name__, command.callback.__module__)
        for command in app.registered_commands
        if command.callback is not None
    ]
    known += [
        (group.typer_instance.info.name or "", "monitor.cli.keeping") for group in app.registered_groups if group.typer_instance
    ]
    assert sorted(known) == sorted((name, f"monitor.cli.{topic}") for topic, names in TOPICS.items() for name in names)


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--version"], ("fastapi", "scipy", "sqlalchemy", "monitor.detect", "monitor.cli.backtest")),
        (["backtest", "events.csv"], ("fastapi", "scipy.stats", "sqlalchemy", "monitor.store", "monitor.cli.service")),
        (["identify", "--help"], ("fastapi", "scipy", "sqlalchemy", "monitor.store", "monitor.cli.service")),
        (["--verbose", "gaps", "--help"], ("fastapi", "scipy.stats", "monitor.cli.service")),
        (["--help"], ("scipy.stats",)),
    ],
)
def test_only_what_a_command_needs_is_imported(arguments: list[str], unwanted: Sequence[str], tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("sender_id,timestamp\n" + "".join(f"a,2024-01-{day:02}\n" for day in range(1, 20)))
    code = f"""
import sys
from monitor.cli import main
sys.argv = ["gonequiet", *{arguments!r}]
try:
    main()
except SystemExit as ended:
    assert not ended.code
print("imported:", *({unwanted!r} & sys.modules.keys()))
""".replace(repr(unwanted), repr(set(unwanted)))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "imported:"


def test_help_that_is_asked_for_before_a_command_lists_them_all() -> None:
    ran = subprocess.run([sys.executable, "-m", "monitor", "--help", "backtest"], capture_output=True, text=True, check=True)
    assert all(f"  {name} " in ran.stdout for name in ("run", "gaps", "backtest", "login"))


def test_the_stable_names_are_there() -> None:
    names = "demo run poll import identify streams gaps alerts backtest ack mute alert-test providers check-config"
    assert set(names.split()) <= {command[0] for command in COMMANDS if command}


@pytest.mark.parametrize("arguments", [["no-such-command"], ["streams", "--no-such-option"], ["ack"], ["mute", "x"]])
def test_misuse_ends_with_2_and_a_word_on_stderr(arguments: list[str], gonequiet: Run) -> None:
    ran = gonequiet(*arguments)
    assert ran.status == 2
    assert ran.out == ""
    assert "Usage" in ran.err


def test_without_settings_it_says_where_they_are_looked_for(
    gonequiet: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = gonequiet("streams")
    assert (ran.status, ran.out) == (2, "")
    assert "config/gonequiet.yaml" in ran.err
    assert "--config" in ran.err


def test_it_runs_as_a_program_and_says_its_version() -> None:
    done = subprocess.run([sys.executable, "-m", "monitor", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"gonequiet {monitor.__version__}\n"
    assert done.stderr == ""


def test_a_reader_who_leaves_early_is_no_error() -> None:
    command = f"{sys.executable} -m monitor providers --json | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith("{")
    assert done.stderr == ""
