"""Settings files: each good one is taken, each bad one gives the faults in the `.expect` file beside it and no others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.errors import SettingsError
from monitor.settings import Settings, check_settings, load_settings

DATA = Path(__file__).parent.parent / "data" / "settings"


@pytest.mark.parametrize("path", sorted((DATA / "bad").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_fault_is_named_with_file_line_path_and_expectation(path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    expected = path.with_suffix(".expect").read_text(encoding="utf-8").splitlines()
    assert [p.replace(str(path), path.name) for p in caught.value.problems] == expected


@pytest.mark.parametrize("path", sorted((DATA / "bad").glob("*.yaml")), ids=lambda path: path.stem)
def test_check_config_says_the_same_as_the_service_would(path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    assert check_settings(path) == caught.value.problems


@pytest.mark.parametrize("path", sorted((DATA / "bad").glob("*.yaml")), ids=lambda path: path.stem)
def test_no_secret_from_the_file_is_repeated(path: Path) -> None:
    told = "\n".join(check_settings(path))
    assert not any(secret in told for secret in ("correct horse", "very-secret-token", "user:password"))


@pytest.mark.parametrize("path", sorted((DATA / "good").glob("*.yaml")), ids=lambda path: path.stem)
def test_good_files_are_taken(path: Path) -> None:
    load_settings(path)
    assert check_settings(path) == []


@pytest.mark.parametrize("name", ["empty", "only-comments", "empty-keys"])
def test_what_is_not_written_is_at_its_default(name: str) -> None:
    settings = load_settings(DATA / "good" / f"{name}.yaml")
    assert settings.model_dump(exclude={"data_dir"}) == Settings().model_dump(exclude={"data_dir"})


def test_relative_paths_are_meant_from_the_files_folder(tmp_path: Path) -> None:
    file = tmp_path / "etc" / "gonequiet.yaml"
    file.parent.mkdir()
    file.write_text("data_dir: ../var\ninboxes: [{name: a, host: localhost, user: a, password_file: secrets/a}]\n")
    settings = load_settings(file)
    assert settings.data_dir == tmp_path / "var"
    assert settings.inboxes[0].password_file == tmp_path / "etc" / "secrets" / "a"
    assert settings.providers_dir == tmp_path / "etc" / "providers"
    assert settings.originals_dir == tmp_path / "var" / "originals"
    assert settings.database_url == f"sqlite:///{tmp_path}/var/gonequiet.db"


def test_pauses_without_a_zone_are_in_the_lists_own() -> None:
    (pause,) = load_settings(DATA / "good" / "pauses.yaml").gap.expected_pause
    assert pause.start == datetime(2026, 12, 24, 5, tzinfo=UTC)  # midnight in New York
    assert pause.end == datetime(2026, 12, 27, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stream", "organisation", "floor", "ceiling"),
    [
        ("other", "Other", timedelta(hours=2), None),
        ("daily", "Example Committee", timedelta(hours=3), timedelta(days=7)),
        ("weekly", "Example Committee", timedelta(days=1), timedelta(days=7)),
        # Its mail was stored before the organisation stood in the settings.
        ("news.example.org", "example.org", timedelta(hours=3), timedelta(days=7)),
        ("news.notexample.org", "notexample.org", timedelta(hours=2), None),
    ],
)
def test_a_streams_gap_settings_override_its_organisations_and_those_the_defaults(
    stream: str, organisation: str, floor: timedelta, ceiling: timedelta | None
) -> None:
    gap = load_settings(DATA / "good" / "overrides.yaml").gap_for(stream, organisation)
    assert (gap.floor, gap.ceiling) == (floor, ceiling)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert check_settings(tmp_path / "none.yaml") == [f"{tmp_path}/none.yaml: cannot be read (No such file or directory)"]


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_bytes(b"data_dir: \xff\xfe\x00")
    assert check_settings(file) == [f"{file}: expected text in UTF-8"]


def test_a_nul_in_the_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_bytes(b"data_dir: a\x00b\n")
    assert check_settings(file) == [f"{file}:1: expected YAML in UTF-8 without control characters"]
