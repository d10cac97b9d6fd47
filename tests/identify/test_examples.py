"""Real messages, with the people taken out, are recognised as their .expect.yaml says; so are constructed counter-examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.collect.parse import parse_message
from monitor.identify.render import as_json
from monitor.model import Confidence
from tests.identify.shipped_knowledge import MESSAGES, identifier, identify, signatures

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


def proofs() -> list[tuple[str, str, str]]:
    """(provider, field, domain) of every signal that only its house can bring about."""
    return [
        (provider.name, signal.field, signal.value)
        for provider in signatures().providers.values()
        for signal in provider.signals
        if signal.proof and signal.way == "suffix"
    ]


@pytest.mark.parametrize(("provider", "field", "domain"), proofs())
def test_every_proof_works_on_a_message_made_for_it_and_not_below_the_border(provider: str, field: str, domain: str) -> None:
    host = f"a1.{domain}" if field == "received-host" else "mail.somebody.example"
    envelope = f"bounce@{domain}" if field == "return-path" else "bounce@somebody.example"
    signed = domain if field == "dkim-d" else "somebody.example"
    observed = (
        "Received: by 2002:ac0:f3d0:0:0:0:0:0 with SMTP id q1; Mon, 21 Oct 2019 11:12:15 -0700 (PDT)\n"
        f"Return-Path: <{envelope}>\n"
        f"Received: from {host} ({host}. [198.18.1.1])\n by mx.google.com with ESMTPS id x1; Mon, 21 Oct 2019 11:12:15 -0700\n"
        f"Authentication-Results: mx.google.com; dkim=pass header.i=@{signed}; spf=pass smtp.mailfrom={envelope}\n"
        f"DKIM-Signature: v=1; d={signed}; s=x; h=from; b=x; bh=y\n"
    )
    rest = "From: Sender <info@somebody.example>\nSubject: x\n\nText.\n"
    found = identify(observed + rest)
    assert provider in (found.platform, found.delivery)
    claimed = (
        observed.replace(host, "vps.stranger.example").replace(envelope, "a@stranger.example").replace("dkim=pass", "dkim=fail")
        + f"Received: from {host} ({host}. [198.18.1.1]) by mx.google.com with ESMTPS id x2\nReturn-Path: <{envelope}>\n"
    )
    forged = identify(claimed + rest)
    assert Confidence.CERTAIN not in (forged.platform_confidence, forged.delivery_confidence)


def test_archived_fields_alone_make_exacttarget_likely_and_no_account() -> None:
    found = identify(
        "Received: from archive.example ([192.0.2.1]) by seed.gonequiet.example with ESMTPS; Wed, 6 Jan 2021 18:22:46 +0000\n"
        "Date: Wed, 6 Jan 2021 12:22:46 -0600\n"
        "Message-ID: <22f5bccd-41ea-4d34-8363-9eded1670993@ind1s01mta1360.xt.local>\n"
        "From: DonaldJTrump.com <contact@victory.donaldtrump.com>\nSubject: We have the TRUTH\n\n"
        "https://click.campaigns.rnchq.com/\n"
    )
    assert (found.platform, found.platform_confidence) == ("Salesforce Marketing Cloud", Confidence.LIKELY)
    assert (found.delivery, found.delivery_confidence) == ("Salesforce Marketing Cloud", Confidence.LIKELY)
    assert (found.receiver, found.account, found.conflicts) == ("GoneQuiet demo", None, ())
