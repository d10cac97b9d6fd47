"""The states of all streams, made only when somebody looks: a tick over very many streams costs what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import overload

from monitor.model import StreamState


class States(Sequence[StreamState]):
    """A read-only sequence, equal to any sequence with the same states."""

    def __init__(self, make: Callable[[], Iterator[StreamState]]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> tuple[StreamState, ...]:
        return tuple(self._make())

    @overload
    def __getitem__(self, index: int) -> StreamState: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[StreamState, ...]: ...

    def __getitem__(self, index: int | slice) -> StreamState | tuple[StreamState, ...]:
        return self._made[index]

    def __len__(self) -> int:
        return len(self._made)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._made == tuple(other)

    def __hash__(self) -> int:
        return hash(self._made)

    def __repr__(self) -> str:
        return f"States({self._made!r})"
