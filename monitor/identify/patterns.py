"""Regular expressions under RE2 (linear whatever the text is), with groups by name.

google-re2 takes bytes four times as fast as text, for which it counts characters. Its layer in Python costs more than most
searches, so that its compiled part is called directly: under private names, only here, and a test notices when they change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import re2

_SET_MEMORY = 256 << 20
"""Bytes that one set's automaton may grow to; 8 MB, the default, is too little for a thousand patterns at once."""
_ANYWHERE = re2._re2.RE2.Anchor.UNANCHORED


def pattern_fault(text: str) -> str | None:
    """What is wrong with a pattern, or None."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(text, options)
    except re2.error as error:
        fault = error.args[0] if error.args else error
        return fault.decode("utf-8", "replace") if isinstance(fault, bytes) else str(fault)
    return None


_NO_MATCH = (-1, -1)


class Pattern:
    """One compiled pattern."""

    def __init__(self, text: str) -> None:
        self.text = text
        compiled = re2.compile(text.encode())
        self._groups = [(_text(name), number) for name, number in compiled.groupindex.items()]
        self._spans: Callable[[object, bytes, int, int], list[tuple[int, int]]] = compiled._regexp.Match

    @property
    def group_names(self) -> frozenset[str]:
        return frozenset([name for name, _ in self._groups])

    def groups(self, text: str) -> dict[str, str] | None:
        """The named groups that take part in the first match, or None where nothing matches."""
        data = text.encode("utf-8", "replace")
        spans = self._spans(_ANYWHERE, data, 0, len(data))
        if spans[0] == _NO_MATCH:
            return None
        taking_part: dict[str, str] = {}
        for name, number in self._groups:
            start, end = spans[number]
            if start >= 0:
                taking_part[name] = data[start:end].decode("utf-8", "replace")
        return taking_part

    def matched(self, text: str) -> str | None:
        """The text of the first match, or None."""
        data = text.encode("utf-8", "replace")
        start, end = self._spans(_ANYWHERE, data, 0, len(data))[0]
        return None if start < 0 else data[start:end].decode("utf-8", "replace")


def matcher_of(patterns: Sequence[str]) -> Callable[[bytes], list[int]]:
    """A function that tells the numbers of the patterns that occur in a text, in one pass (RE2::Set)."""
    options = re2.Options()
    options.max_mem = _SET_MEMORY
    options.log_errors = False
    patterns_at_once = re2.Set.SearchSet(options)
    for pattern in patterns:
        patterns_at_once.Add(pattern)
    patterns_at_once.Compile()
    match: Callable[[bytes], list[int]] = patterns_at_once._set.Match
    return match


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name
