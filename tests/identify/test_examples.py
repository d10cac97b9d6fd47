"""Real messages, with the people taken out, are recognised as their .expect.yaml says; so are constructed counter-examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.collect.parse import parse_message
from monitor.identify.render import as_json
from tests.identify.shipped_knowledge import MESSAGES, identifier, signatures

EXAMPLES = sorted(MESSAGES.glob("*.eml"))


def found_in(file: Path, receiver: str | None = None) -> dict[str, Any]:
    message = parse_message(file.read_bytes())
    return as_json(identifier().identify(message, receiver), file.name, 0, message)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_example_is_identified_as_expected(file: Path) -> None:
    expected = yaml.safe_load(file.with_suffix(".expect.yaml").read_text())
    found = found_in(file, expected.pop("with_receiver", None))
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize("provider", signatures().providers.values(), ids=lambda provider: provider.name)
def test_every_provider_has_examples_that_name_it_or_says_what_was_seen(provider: Any) -> None:
    assert provider.spec.sources
    for name in provider.spec.examples:
        found = found_in(MESSAGES / name)
        assert provider.name in (found["platform"], found["delivery"])
    for name in provider.spec.not_examples:
        found = found_in(MESSAGES / name)
        assert provider.name not in (found["platform"], found["delivery"])


def test_examples_hold_no_reader_but_the_invented_one() -> None:
    for file in EXAMPLES:
        text = file.read_text("latin-1").lower()
        assert "seedinbox" not in text
        assert "@gmail.com" not in text
        assert "delivered-to: reader@seed.example" in text
