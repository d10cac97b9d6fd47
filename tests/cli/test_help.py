"""Help, misuse, and the ends of the stream: what every command has in common."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

import monitor
from monitor.cli.root import app, load_commands
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
