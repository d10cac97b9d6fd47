"""README, documentation and the shipped settings say what is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main
from pydantic import BaseModel

from monitor.cli.root import app, load_commands
from monitor.settings import Settings, check_settings, load_settings

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "config" / "gonequiet.yaml"
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
load_commands()
_CODE = re.compile(r"```\w*\n(.*?)```|`([^`\n]+)`", re.S)


def uses(text: str) -> list[tuple[str, list[str]]]:
    """(command, its options) of each `gonequiet …` that stands in code."""
    code = "\n".join(block or inline for block, inline in _CODE.findall(text))
    found = re.findall(r"\bgonequiet ([a-z][a-z-]*)([^\n|#]*)", code)
    return [(name, re.findall(r"--[a-z][a-z-]*", rest)) for name, rest in found]


@pytest.mark.parametrize("page", [*PAGES, SHIPPED], ids=lambda page: page.name)
def test_every_command_and_option_that_is_written_of_exists(page: Path) -> None:
    commands: dict[str, Any] = getattr(typer.main.get_command(app), "commands", {})
    for name, options in uses(page.read_text(encoding="utf-8")):
        assert name in commands, f"{page.name}: gonequiet {name}"
        known = {option for parameter in commands[name].params for option in parameter.opts} | {"--help"}
        assert set(options) <= known, f"{page.name}: gonequiet {name} {options}"


def test_the_readme_names_the_main_commands() -> None:
    named = {name for name, _ in uses((ROOT / "README.md").read_text(encoding="utf-8"))}
    assert {"demo", "run", "import", "identify", "streams", "backtest", "check-config"} <= named


def test_every_make_target_in_the_readme_exists() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = {name for block, inline in _CODE.findall(readme) for name in re.findall(r"^make ([a-z-]+)", block or inline, re.M)}
    assert {"demo", "test", "run"} <= named <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_shipped_settings_are_fine() -> None:
    assert check_settings(SHIPPED) == []
    assert load_settings(SHIPPED).inboxes == ()


def test_every_setting_in_the_readme_exists() -> None:
    table = re.findall(r"^\| (`[a-z].*?) \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.M)
    named = [name for cell in table for name in re.findall(r"`([a-z_.]+)`", cell) if not cell.startswith("`gonequiet")]
    assert "gap.false_alarms_per_sender_year" in named
    for name in named:
        assert _exists(Settings, name.split(".")), name


def _exists(model: type[BaseModel], path: list[str]) -> bool:
    field = model.model_fields.get(path[0])
    if field is None or len(path) == 1:
        return field is not None
    inner = field.annotation
    return isinstance(inner, type) and issubclass(inner, BaseModel) and _exists(inner, path[1:])
