"""Read a folder of small YAML files into checked values; every fault is named as `file:line: path: what was expected`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from monitor.errors import SettingsError

Checked = TypeVar("Checked", bound=BaseModel)
Folder = Traversable | Path
SIZE_LIMIT = 200_000
"""Characters of one file; the longest shipped has about 8,000."""

# libyaml's loader takes 0.5 ms a file, a pure Python one 6 ms, and there are some 180 files.
_Safe: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVERS = {
    first: [(tag, form) for tag, form in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader = type("_Loader", (_Safe,), {"yaml_implicit_resolvers": _RESOLVERS})
"""Leaves dates as they are written: one that no calendar has is then a fault with a place."""


def read_folder(folders: Sequence[Folder], shape: type[Checked]) -> Iterator[tuple[str, Checked]]:
    """(file name, value) of every `*.yaml`, folder by folder, in order of names.

    Raises `SettingsError` with all faults of all files together.
    """
    problems: list[str] = []
    values: list[tuple[str, Checked]] = []
    for folder in folders:
        for file in sorted((file for file in folder.iterdir() if file.name.endswith((".yaml", ".yml"))), key=lambda f: f.name):
            try:
                values.append((file.name, _read(str(file), file.read_text("utf-8"), shape)))
            except SettingsError as error:
                problems += error.problems
            except (OSError, UnicodeDecodeError) as error:
                problems.append(f"{file}:1: cannot be read: {error}")
    if problems:
        raise SettingsError(problems)
    yield from values


def _read(file: str, text: str, shape: type[Checked]) -> Checked:
    if len(text) > SIZE_LIMIT:
        raise SettingsError([f"{file}:1: longer than {SIZE_LIMIT} characters"])
    try:
        loaded = yaml.load(text, _Loader)  # noqa: S506  (a safe loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise SettingsError([f"{file}:{line}: not YAML: {getattr(error, 'problem', None) or error}"]) from error
    try:
        return shape.model_validate(loaded)
    except ValidationError as error:
        root = yaml.compose(text, _Loader)
        raise SettingsError(
            [
                f"{file}:{_line(root, fault['loc'])}: {_path(fault['loc'])}: {fault['msg'].removeprefix('Value error, ')}"
                for fault in error.errors(include_url=False, include_input=False)
            ]
        ) from error


def _path(place: Sequence[int | str]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return text.lstrip(".") or "the file"


def _line(node: yaml.Node | None, place: Sequence[int | str]) -> int:
    """The 1-based line of the deepest node that the path reaches."""
    line = node.start_mark.line + 1 if node else 1
    for step in place:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        elif isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == step), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
            continue
        else:
            break
        line = node.start_mark.line + 1
    return line
