"""The wheel carries everything that the program reads, so that `pip install` alone runs the demo."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    folder = tmp_path_factory.mktemp("dist")
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(folder),
        str(ROOT),
    ]
    subprocess.run(build, check=True, timeout=120)
    (wheel,) = folder.glob("gonequiet-*.whl")
    with zipfile.ZipFile(wheel) as opened:
        return frozenset(opened.namelist())


def files_below(folder: str) -> set[str]:
    return {
        str(path.relative_to(ROOT))
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.endswith((".pyc", ".pyo"))
    }


def test_every_file_of_the_package_is_in_the_wheel(packed: frozenset[str]) -> None:
    assert files_below("monitor") <= packed
    assert "monitor/demo/january_2021.csv" in packed


def test_settings_signatures_and_dashboards_travel_below_the_package(packed: frozenset[str]) -> None:
    for folder in ("config", "dashboards"):
        assert {f"monitor/shipped_data/{name}" for name in files_below(folder)} <= packed


def test_nothing_else_is_installed_as_a_top_level_package(packed: frozenset[str]) -> None:
    assert {name.split("/")[0] for name in packed if ".dist-info/" not in name} == {"monitor"}
