"""The shipped settings: they work as they are, show the true defaults, explain every key, and their examples can be used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from monitor.settings import Settings, load_settings
from monitor.settings.expectations import models_in

CONFIG = Path(__file__).parent.parent.parent / "config"
SHIPPED = CONFIG / "gonequiet.yaml"


def all_models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        for inner in models_in(field.annotation):
            yield from all_models(inner)


def in_use(text: str) -> str:
    """The file with every disabled setting (`#key:`, `#- name:`) switched on."""
    return re.sub(r"(?m)^(\s*)#(?=(?:  )*(?:- |#?[a-z_]+:))", r"\1", text)


def test_it_works_as_shipped_and_shows_the_defaults() -> None:
    shown = load_settings(SHIPPED)
    assert shown.inboxes == ()
    assert shown.model_dump(exclude={"data_dir"}) == Settings().model_dump(exclude={"data_dir"})


@pytest.mark.parametrize("key", sorted({key for model in all_models(Settings) for key in model.model_fields}))
def test_every_key_is_in_it(key: str) -> None:
    assert re.search(rf"(?m)^[\s#-]*{key}:|or {key}\b|\({key}\b", SHIPPED.read_text())


def test_what_is_switched_off_can_be_switched_on(tmp_path: Path) -> None:
    text = in_use(SHIPPED.read_text())
    # Either of two password sources, as the comment says.
    text = re.sub(r"(?m)^\s*#?password_env: QUIET_1_PASSWORD\n", "", text)
    file = tmp_path / "gonequiet.yaml"
    file.write_text(text)
    settings = load_settings(file)
    assert [inbox.name for inbox in settings.inboxes] == ["quiet-1", "outlook-1", "local-1", "catch-all-1"]
    assert [channel.name for channel in settings.alerts.channels] == ["log", "newsroom", "hook", "chat"]
    assert settings.streams
    assert settings.organisations
    assert settings.gap.expected_pause


@pytest.mark.parametrize("path", sorted((CONFIG / "examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_each_example_is_taken(path: Path) -> None:
    assert load_settings(path).inboxes
