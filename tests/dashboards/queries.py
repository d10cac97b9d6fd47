"""Every PromQL expression that dashboards/ holds, with where it stands and the labels that its legend or text uses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML

from monitor.shipped import shipped

VARIABLE = re.compile(r"label_values\((?:(?P<metric>.+), *)?(?P<label>\w+)\)$")
METRIC = re.compile(r"\bgonequiet_\w+")


@dataclass(frozen=True, slots=True)
class Expression:
    """`text` is PromQL with Grafana's variables filled in; `labels` must be on each series that it gives."""

    where: str
    text: str
    labels: frozenset[str]


def dashboard() -> dict[str, Any]:
    """The Grafana dashboard as its JSON says."""
    found: dict[str, Any] = json.loads(shipped("dashboards/grafana/dashboards/gonequiet.json").read_text("utf-8"))
    return found


def rules() -> list[dict[str, Any]]:
    """The alerting rules of all groups."""
    read = YAML(typ="safe").load(shipped("dashboards/prometheus/rules.yml").read_text("utf-8"))
    return [rule for group in read["groups"] for rule in group["rules"]]


def of_panels() -> Iterator[Expression]:
    """Each target of each panel and each annotation."""
    found = dashboard()
    for panel in found["panels"]:
        for target in panel.get("targets", ()):
            labels = re.findall(r"{{\s*(\w+)\s*}}", target["legendFormat"])
            yield Expression(f"{panel['title']} {target['refId']}", _filled(target["expr"]), frozenset(labels))
    for note in found["annotations"]["list"]:
        if "expr" in note:
            labels = re.findall(r"{{\s*(\w+)\s*}}", note["textFormat"] + note["titleFormat"])
            yield Expression(f"annotation {note['name']}", _filled(note["expr"]), frozenset(labels))


def of_variables() -> Iterator[Expression]:
    """Each query variable: its metric must carry its label."""
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            found = VARIABLE.fullmatch(variable["query"]["query"])
            assert found, f"variable {variable['name']} is no label_values() query"
            yield Expression(f"variable {variable['name']}", _filled(found["metric"]), frozenset({found["label"]}))


def of_rules() -> Iterator[Expression]:
    """Each rule, with the labels that its words use."""
    for rule in rules():
        words = " ".join(rule["annotations"].values())
        yield Expression(f"rule {rule['alert']}", rule["expr"], frozenset(re.findall(r"\$labels\.(\w+)", words)))


def _filled(expression: str) -> str:
    """Grafana's own variables as Grafana fills them in with `All` chosen."""
    known = {"$__rate_interval": "1m", "$__interval": "1m", "$__range": "1h"}
    known |= {"${" + v["name"] + "}": ".*" for v in dashboard()["templating"]["list"]}
    known |= {"$" + v["name"]: ".*" for v in dashboard()["templating"]["list"]}
    for name, value in known.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, f"unknown variable in {expression}"
    return expression
