"""Find the data that travels with the program: `config/` and `dashboards/` (in the wheel, mapped below `monitor/`)."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path


def shipped(name: str) -> Traversable:
    """The shipped file or folder `config/…` or `dashboards/…`: out of the wheel, or out of the checkout in development."""
    packed = files("monitor") / "shipped_data"
    root: Traversable = packed if packed.is_dir() else Path(__file__).resolve().parent.parent
    return root.joinpath(*name.split("/"))
