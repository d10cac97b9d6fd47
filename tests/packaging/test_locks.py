"""The lock files pin every package by hash and name no registry host, so that they work behind any mirror."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted(path.name for path in ROOT.glob("requirements*.lock"))
PACKAGE = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[a-z0-9,._-]+\])?==(\S+)")


def pinned(name: str) -> set[tuple[str, str]]:
    return {found.groups() for line in (ROOT / name).read_text().splitlines() if (found := PACKAGE.match(line))}  # type: ignore[misc]


def test_there_is_one_to_run_one_to_develop_and_one_to_build() -> None:
    assert LOCKS == ["requirements-build.lock", "requirements-dev.lock", "requirements.lock"]


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_is_a_pinned_package_or_its_hash(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    for block in re.split(r"\n(?=\S)", text.strip()):
        assert PACKAGE.match(block), block
        assert "--hash=sha256:" in block, block


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-build.lock"])
def test_what_is_run_and_built_is_what_was_tested(name: str) -> None:
    assert pinned(name) <= pinned("requirements-dev.lock")
