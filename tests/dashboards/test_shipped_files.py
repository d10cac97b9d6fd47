"""The shipped files are accepted by the tools that will read them, and fit each other."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ruamel.yaml import YAML

from monitor.shipped import shipped
from tests.dashboards.queries import dashboard, rules


def run(folder: str, *command: str) -> str:
    where = Path(str(shipped(f"dashboards/{folder}")))
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_accepts_the_rules_and_the_settings(promtool: str) -> None:
    assert f"{len(rules())} rules found" in run("prometheus", promtool, "check", "rules", "rules.yml")
    run("prometheus", promtool, "check", "config", "prometheus.yml")


def test_each_rule_fires_and_keeps_still_as_its_test_says(promtool: str) -> None:
    run("prometheus", promtool, "test", "rules", "rules.test.yml")


def test_each_rule_has_a_test_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    read = YAML(typ="safe").load(shipped("dashboards/prometheus/rules.test.yml").read_text("utf-8"))
    cases = [case for test in read["tests"] for case in test["alert_rule_test"]]
    fired = {case["alertname"] for case in cases if case["exp_alerts"]}
    still = {case["alertname"] for case in cases if not case["exp_alerts"]}
    names = {rule["alert"] for rule in rules()}
    assert (fired, still) == (names, names)


def test_each_rule_is_routed_and_says_what_was_seen() -> None:
    for rule in rules():
        assert rule["labels"]["audience"] in ("newsroom", "operators")
        assert rule["labels"]["severity"] in ("critical", "warning")
        words = " ".join(rule["annotations"].values()).lower()
        assert not any(claim in words for claim in ("cut off", "banned", "stopped sending", "blocked"))


def test_amtool_accepts_the_routes_and_sends_each_audience_its_way(amtool: str) -> None:
    run("alertmanager", amtool, "check-config", "alertmanager.yml")
    for audience in ("newsroom", "operators"):
        out = run("alertmanager", amtool, "config", "routes", "test", "--config.file=alertmanager.yml", f"audience={audience}")
        assert out.strip() == audience


def test_inhibition_names_only_rules_that_exist() -> None:
    read = YAML(typ="safe").load(shipped("dashboards/alertmanager/alertmanager.yml").read_text("utf-8"))
    matchers = [m for rule in read["inhibit_rules"] for key in ("source_matchers", "target_matchers") for m in rule[key]]
    named = {name for m in matchers if m.startswith("alertname") for name in m.split('"')[1].split("|")}
    assert named <= {rule["alert"] for rule in rules()}
    assert named


def test_the_dashboard_is_provisioned_with_the_data_source_that_it_names() -> None:
    source = YAML(typ="safe").load(shipped("dashboards/grafana/provisioning/datasources/prometheus.yml").read_text("utf-8"))
    chosen = next(v for v in dashboard()["templating"]["list"] if v["name"] == "datasource")
    assert source["datasources"][0]["uid"] == chosen["current"]["value"]
    assert source["datasources"][0]["type"] == chosen["query"]


def test_panels_have_ids_of_their_own_and_do_not_lie_on_each_other() -> None:
    found = dashboard()["panels"]
    assert len({panel["id"] for panel in found}) == len(found)
    cells = [
        (x, y)
        for panel in found
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def test_a_column_that_the_table_renames_is_one_that_a_query_gives() -> None:
    table = next(panel for panel in dashboard()["panels"] if panel["type"] == "table")
    given = {f"Value #{target['refId']}" for target in table["targets"]} | {"stream", "organisation"}
    organize = next(t["options"] for t in table["transformations"] if t["id"] == "organize")
    assert organize["renameByName"].keys() == organize["indexByName"].keys() == given
    styled = {override["matcher"]["options"] for override in table["fieldConfig"]["overrides"]}
    assert styled <= set(organize["renameByName"].values())
