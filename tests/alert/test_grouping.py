"""Who speaks for whom, and who hears."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alert.grouping import channels_for, parents
from monitor.model import Finding, FindingKind, Level
from monitor.settings import RouteSettings
from tests.alert.made import alert, finding

GAP, SEED, GROUP, PARTIAL, BLIND, CHANGE = (
    FindingKind.GAP,
    FindingKind.SEED_SILENT,
    FindingKind.GROUP_GAP,
    FindingKind.PARTIAL_GROUP_GAP,
    FindingKind.INBOX_BLIND,
    FindingKind.PROVIDER_CHANGE,
)


def group(name: str, *members: str, kind: FindingKind = GROUP) -> Finding:
    return finding(kind, name, members=members)


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([finding(GAP, "a"), group("g", "a", "b")], {"gap:a": "group_gap:g"}),
        ([finding(GAP, "c"), group("g", "a", "b")], {}),
        ([finding(SEED, "a"), group("quiet-1", "a", kind=BLIND)], {"seed_silent:a": "inbox_blind:quiet-1"}),
        ([finding(SEED, "a", members=("quiet-1",)), group("quiet-1", kind=BLIND)], {"seed_silent:a": "inbox_blind:quiet-1"}),
        ([finding(GAP, "a"), finding(SEED, "b", members=("a",))], {}),  # an inbox may be named like a stream
        ([finding(CHANGE, "a"), group("g", "a", "b")], {}),  # a move is a fact of its own
        # the larger group speaks for the smaller, and for the streams of both
        (
            [finding(GAP, "a"), group("g", "a", "b"), group("h", "a", "b", "c")],
            {"gap:a": "group_gap:h", "group_gap:g": "group_gap:h"},
        ),
        # of two with the same streams, the smaller key
        ([group("g", "a", "b"), group("h", "a", "b")], {"group_gap:h": "group_gap:g"}),
        ([group("g", "a", "b"), group("h", "b", "c")], {}),
    ],
)
def test_a_finding_that_names_others_speaks_for_them(findings: list[Finding], expected: dict[str, str]) -> None:
    assert parents(findings, findings) == expected


names = st.sampled_from("abcd")
groups = st.builds(
    lambda name, members, kind: group(name, *members, kind=kind),
    names,
    st.sets(names, min_size=1),
    st.sampled_from([GROUP, PARTIAL, BLIND]),
)
gaps = st.builds(lambda name: finding(GAP, name), names)


@given(st.lists(st.one_of(groups, gaps), max_size=12, unique_by=lambda f: f.key))
def test_every_chain_of_parents_ends_at_one_that_speaks(findings: list[Finding]) -> None:
    over = parents(findings, findings)
    for key in over:
        seen = {key}
        while (key := over.get(key, "")) != "":
            assert key not in seen
            seen.add(key)


@pytest.mark.parametrize(
    ("route", "hears"),
    [
        (RouteSettings(channels=("x",)), True),
        (RouteSettings(channels=("x",), level="watch"), True),
        (RouteSettings(channels=("x",), level="confirmed"), False),
        (RouteSettings(channels=("x",), kinds=("gap",)), True),
        (RouteSettings(channels=("x",), kinds=("inbox_blind",)), False),
        (RouteSettings(channels=("x",), organisations=("example.org",)), True),
        (RouteSettings(channels=("x",), organisations=("example.com",)), False),
    ],
)
def test_a_route_admits_by_level_kind_and_organisation(route: RouteSettings, hears: bool) -> None:
    assert channels_for(alert(level=Level.ALERT), [route]) == (("x",) if hears else ())


def test_a_channel_on_two_routes_hears_once() -> None:
    routes = [RouteSettings(channels=("x", "y")), RouteSettings(channels=("y", "x"))]
    assert channels_for(alert(), routes) == ("x", "y")
