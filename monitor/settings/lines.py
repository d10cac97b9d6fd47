"""YAML with its lines: plain values, and for every path the line on which it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

Place = tuple[str | int, ...]
"""`("inboxes", 3, "poll_every")`."""


_MOST_VALUES = 100_000
"""Settings for a thousand seed inboxes have a tenth of it."""


class NotYamlError(Exception):
    """The text is not YAML that settings can be read from; `line` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line, self.reason = line, reason


@dataclass(frozen=True, slots=True)
class Document:
    """The values of a file, empty for an empty one, and where they stand."""

    data: object
    lines: dict[Place, int]

    def line_of(self, path: Place) -> int:
        """The line of a path, or of the nearest parent that is written down; 1 for the file as a whole."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


class _PlainConstructor(SafeConstructor):
    """Dates stay text: YAML's own reading of them loses the zone."""


_PlainConstructor.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: node.value)


def read_yaml(text: str) -> Document:
    """Parse one document of YAML 1.2; NotYamlError names the line of whatever is wrong, never a value."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _PlainConstructor
    try:
        node = yaml.compose(text)
        if node is None:
            return Document({}, {})
        lines: dict[Place, int] = {}
        _note_lines(node, (), node.start_mark.line + 1, lines, frozenset())
        data = yaml.constructor.construct_document(node)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise NotYamlError(mark.line + 1 if mark else 1, _reason(error)) from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise NotYamlError(1, "expected YAML in UTF-8 without control characters") from error
    return Document({} if data is None else data, lines)


def _note_lines(node: Node, path: Place, line: int, lines: dict[Place, int], above: frozenset[int]) -> None:
    """Aliases may make a file that has no end, or one far too long to use: both are found here, before values are made."""
    if id(node) in above:
        raise NotYamlError(line, "expected values with an end; an alias (*) stands here inside of what it repeats")
    if len(lines) >= _MOST_VALUES:
        raise NotYamlError(line, f"expected at most {_MOST_VALUES} values, with those that aliases (*) repeat")
    lines[path] = line
    inside = above | {id(node)}
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if isinstance(key, ScalarNode):
                _note_lines(value, (*path, str(key.value)), key.start_mark.line + 1, lines, inside)
    elif isinstance(node, SequenceNode):
        for index, value in enumerate(node.value):
            _note_lines(value, (*path, index), value.start_mark.line + 1, lines, inside)


def _reason(error: MarkedYAMLError) -> str:
    """What is wrong in one line. A repeated key's values are left out, as one may be a secret."""
    problem = str(error.problem or "expected YAML")
    repeated = re.match(r'found duplicate key "([^"]*)"', problem)
    if repeated:
        return f'the key "{repeated[1]}" is there twice'
    if "could not determine a constructor" in problem:
        return "expected plain YAML, without tags"
    if "expected <block end>" in problem:
        return "expected YAML; this line is not indented like those above it"
    return f"expected YAML: {problem.splitlines()[0]}"
