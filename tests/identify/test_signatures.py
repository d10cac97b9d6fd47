"""Provider and receiver files are checked; every fault is named with file, line and path."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.errors import SettingsError
from monitor.identify.catalogue import describe, find_providers, provider_json, provider_row
from monitor.identify.match import Identifier
from monitor.identify.receivers import load_receivers
from monitor.identify.signatures import load_signatures
from monitor.shipped import shipped
from tests.identify.shipped_knowledge import receivers, signatures

GOOD = """name: Postbird
company: Postbird Inc.
former_names: [Mailbird]
kind: esp
role: both
seen: none
sources: [{what: https://postbird.example/docs, read: 2026-11-23}]
signals:
  - {field: message-id, suffix: postbird.example, says: both, weight: 3}
"""


def faults(folder: Path, text: str) -> list[str]:
    (folder / "postbird.yaml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_signatures([folder])
    return caught.value.problems


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("weight: 3", "weight: heavy"), "postbird.yaml:9: signals[0].weight: "),
        (
            ("suffix: postbird.example", "regex: 'a(b'"),
            "postbird.yaml:9: signals[0].regex: expected a regular expression in RE2's",
        ),
        (
            ("suffix: postbird.example", "regex: '(a)\\1'"),
            "postbird.yaml:9: signals[0].regex: expected a regular expression in RE2's",
        ),
        (("suffix: postbird.example, ", ""), "postbird.yaml:9: signals[0]: expected exactly one of suffix"),
        (
            ("suffix: postbird.example", "suffix: a.example, exact: b"),
            "postbird.yaml:9: signals[0]: expected exactly one of suffix",
        ),
        (("company:", "compny:"), "postbird.yaml:2: compny: "),
        (("role: both", "role: sender"), "postbird.yaml:5: role: "),
        (("read: 2026-11-23", "read: lately"), "postbird.yaml:7: sources[0].read: "),
        (("read: 2026-11-23", "read: 2026-13-40"), "postbird.yaml:7: sources[0].read: "),
        (("role: both", "role: both\nthrough: [Nobody]"), "postbird.yaml:1: through, rather_than: no provider is called Nobody"),
        (("name: Postbird", "name: [Postbird"), "postbird.yaml:2: not YAML: "),
    ],
)
def test_a_fault_is_named_with_file_line_and_path(tmp_path: Path, change: tuple[str, str], fault: str) -> None:
    text = GOOD.replace(*change, 1)
    assert text != GOOD
    assert any(fault in problem for problem in faults(tmp_path, text)), faults(tmp_path, text)


def test_all_faults_of_a_file_are_named_together(tmp_path: Path) -> None:
    assert len(faults(tmp_path, GOOD.replace("role: both", "role: x").replace("kind: esp", "kind: y"))) == 2


def test_a_users_file_adds_a_provider_and_replaces_one_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "postbird.yaml").write_text(GOOD)
    (tmp_path / "mine.yaml").write_text(GOOD.replace("Postbird\n", "NGP VAN\n", 1))
    found = load_signatures([shipped("config/providers"), tmp_path])
    assert set(found.providers) == set(signatures().providers) | {"Postbird"}
    assert found.providers["NGP VAN"].spec.company == "Postbird Inc."


def test_one_name_in_two_files_of_a_folder_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD)
    with pytest.raises(SettingsError, match=r"b\.yaml:1: name: Postbird is already in a\.yaml"):
        load_signatures([tmp_path])


def test_a_receiver_file_with_a_fault_is_named(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("name: Mine\nauth_results: sideways\nsources: [{what: x, read: 2026-11-23}]\n")
    with pytest.raises(SettingsError, match=r"r\.yaml:2: auth_results: "):
        load_receivers([tmp_path])


def test_labels_say_former_name_and_owner() -> None:
    identifier = Identifier(signatures(), receivers())
    provider = identifier.provider("Salesforce Marketing Cloud")
    assert provider is not None
    assert provider.label == "Salesforce Marketing Cloud (formerly ExactTarget, owned by Salesforce)"
    assert "ExactTarget" in provider.aliases


def test_providers_are_found_by_their_former_names() -> None:
    assert [provider.name for provider in find_providers(signatures(), "exacttarget")] == ["Salesforce Marketing Cloud"]
    assert len(find_providers(signatures())) == len(signatures().providers)
    assert find_providers(signatures(), "no such house") == []


def test_a_provider_is_described_with_its_sources() -> None:
    provider = find_providers(signatures(), "Sendinblue")[0]
    text = describe(provider)
    assert "Brevo (formerly Sendinblue)" in text
    assert "source: " in text
    assert provider_row(provider)[0] == "Brevo"
    assert provider_json(provider)["name"] == "Brevo"


def test_the_receivers_are_known_by_name_alias_and_imap_host() -> None:
    identifier = Identifier(signatures(), receivers())
    assert identifier.receiver_of_host("imap.gmail.com") == "Gmail"
    assert identifier.receiver_of_host("outlook.office365.com") == "Outlook"
    assert identifier.receiver_of_host("mail.example.org") is None
    for name in ("Gmail", "Outlook", "Yahoo", "Fastmail", "iCloud", "Postfix", "dovecot", "Exchange", "GoneQuiet demo"):
        assert receivers().named(name) is not None
