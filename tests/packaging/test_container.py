"""Dockerfile, compose.yaml and .ci/run name files that exist, commands that exist, and nothing that floats."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

from ruamel.yaml import YAML

from monitor.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = YAML(typ="safe").load(ROOT / "compose.yaml")


def copied() -> list[str]:
    """What the Dockerfile takes from the build context."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, flags=re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]


def mounts() -> list[tuple[str, str]]:
    """(file or folder of ours, place in the container) of every bind mount in compose.yaml."""
    volumes = [volume.split(":") for service in COMPOSE["services"].values() for volume in service.get("volumes", ())]
    return [(source, place) for source, place, *_ in volumes if source.startswith("./")]


def test_the_image_copies_what_exists_and_what_dockerignore_lets_through() -> None:
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), flags=re.MULTILINE)
    assert copied()
    for source in copied():
        assert (ROOT / source).exists(), source
        assert any(fnmatch(source.split("/")[0], pattern) for pattern in allowed), source


def test_the_image_runs_as_a_user_of_its_own_with_one_volume_and_a_health_check() -> None:
    last = DOCKERFILE.rsplit("FROM ", 1)[1]
    assert re.findall(r"^USER (.+)$", last, flags=re.MULTILINE) == ["gonequiet"]
    assert re.findall(r"^VOLUME (.+)$", last, flags=re.MULTILINE) == ["/data"]
    assert "/healthz" in last.split("HEALTHCHECK", 1)[1]
    assert DOCKERFILE.count("--require-hashes") == 2


def test_the_images_settings_are_valid_and_keep_all_state_in_the_volume() -> None:
    settings = load_settings(ROOT / "config" / "container.yaml")
    assert settings.data_dir == Path("/data")
    assert (settings.web.host, settings.web.port) == ("0.0.0.0", 8025)


def test_compose_mounts_files_that_exist_where_the_programs_look_for_them() -> None:
    places = {place: ROOT / source for source, place in mounts()}
    assert all(source.exists() for source in places.values())
    assert (places["/etc/prometheus"] / "prometheus.yml").is_file()
    assert (places["/etc/alertmanager"] / "alertmanager.yml").is_file()
    assert list((places["/etc/grafana/provisioning"] / "datasources").glob("*.yml"))
    boards = YAML(typ="safe").load(next((places["/etc/grafana/provisioning"] / "dashboards").glob("*.yml")))
    assert list(places[boards["providers"][0]["options"]["path"]].glob("*.json"))


def test_prometheus_scrapes_and_alerts_services_that_compose_starts() -> None:
    scrape = YAML(typ="safe").load(ROOT / "dashboards" / "prometheus" / "prometheus.yml")
    groups = [*scrape["scrape_configs"], *scrape["alerting"]["alertmanagers"]]
    targets = {target.split(":")[0] for group in groups for static in group["static_configs"] for target in static["targets"]}
    assert targets <= set(COMPOSE["services"])


def test_images_are_pinned_and_ports_are_published_on_loopback_only() -> None:
    for name, service in COMPOSE["services"].items():
        assert "build" in service or re.search(r":v?\d+\.\d+\.\d+$", service["image"]), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name


def test_ci_checks_demonstrates_and_tests_and_stops_at_the_first_fault() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert "set -euo pipefail" in script
    commands = [line.split(" #")[0] for line in script.splitlines()]
    assert [c for c in commands if c in ("make check", ".venv/bin/gonequiet demo --check", "make test")] == [
        "make check",
        ".venv/bin/gonequiet demo --check",
        "make test",
    ]
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
