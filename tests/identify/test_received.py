"""Received fields are read in every house's form, and trust begins at the first hop from a stranger."""

from __future__ import annotations

import pytest

from monitor.identify.received import Hop, find_border, is_documentation, is_private, parse_received
from tests.identify.shipped_knowledge import receivers


@pytest.mark.parametrize(
    ("value", "hop"),
    [
        (
            "from a.example (b.example. [192.0.2.7])        by mx.google.com with ESMTPS id u38",
            Hop("mx.google.com", "a.example", "b.example", "192.0.2.7"),
        ),
        ("from a ([192.0.2.7]) by mx.google.com with ESMTP", Hop("mx.google.com", "a", None, "192.0.2.7")),
        ("by 2002:ac0:f3d0:0:0:0:0:0 with SMTP id q16", Hop("2002:ac0:f3d0:0:0:0:0:0", None, None, None)),
        (
            "from a.example (192.0.2.7) by X.mail.protection.outlook.com (10.1.1.1) with Microsoft SMTP Server",
            Hop("x.mail.protection.outlook.com", "a.example", None, "192.0.2.7"),
        ),
        ("from 192.0.2.7 (EHLO a.example) by 10.197.33.81 with SMTPs", Hop("10.197.33.81", "a.example", None, "192.0.2.7")),
        ("from unknown (HELO a.example) (192.0.2.7) by q.example with SMTP", Hop("q.example", "a.example", None, "192.0.2.7")),
        (
            "from a.example (b.example [192.0.2.7]) (using TLSv1.2 with cipher X (256/256 bits)) by mx.example (Postfix)",
            Hop("mx.example", "a.example", "b.example", "192.0.2.7"),
        ),
        ("from a (unknown [192.0.2.7]) by mx.example (Postfix)", Hop("mx.example", "a", None, "192.0.2.7")),
        ("from a (b.example [192.0.2.7] (may be forged)) by mx.example", Hop("mx.example", "a", None, "192.0.2.7")),
        (
            "from [192.0.2.7] (port=33 helo=a.example) by mx.example with esmtps",
            Hop("mx.example", "a.example", None, "192.0.2.7"),
        ),
        (
            "from [10.0.87.249] ([10.0.87.249:37122] helo=a.example) by mx.example (envelope-from <x@y>) (ecelerity)",
            Hop("mx.example", "a.example", None, "10.0.87.249"),
        ),
        (
            "from a.example (a.example. [2001:db8::52a]) by mx.google.com",
            Hop("mx.google.com", "a.example", "a.example", "2001:db8::52a"),
        ),
        ("from a ([IPv6:2001:db8::1]) by mx.example", Hop("mx.example", "a", None, "2001:db8::1")),
        ("(qmail 18755 invoked from network); 22 Oct 2019 00:49:28 -0000", Hop(None, None, None, None)),
        ("", Hop(None, None, None, None)),
    ],
)
def test_a_received_field_is_read(value: str, hop: Hop) -> None:
    assert parse_received(value) == hop


def border_of(receiver: str, *received: str) -> str | None:
    known = receivers().named(receiver)
    assert known is not None
    border = find_border([("received", value) for value in received], known)
    return border.hop.ip if border else None


def test_an_address_that_the_client_put_into_its_greeting_is_not_the_connecting_one() -> None:
    hop = parse_received(
        "from x (mailout862.ngpweb.com. [192.82.209.62]) (vps.stranger.example. [198.51.100.7]) by mx.google.com with SMTP"
    )
    assert (hop.ip, hop.reverse_name) == ("198.51.100.7", "vps.stranger.example")
    hop = parse_received("from 192.0.2.1 ([192.82.209.62] helo=[192.0.2.9]) by mx.seed.example with esmtp")  # Exim
    assert hop.ip == "192.82.209.62"
    hop = parse_received("from 127.0.0.1  (EHLO a.example) (198.51.100.7)  by mta1.mail.gq1.yahoo.com with SMTP")
    assert (hop.ip, hop.greeting) == ("198.51.100.7", "a.example")


def test_gmails_inner_hops_are_skipped() -> None:
    hops = ("by 2002:ac0:f3d0:0:0:0:0:0 with SMTP id q", "from a ([192.0.2.7]) by mx.google.com with ESMTP")
    assert border_of("Gmail", *hops) == "192.0.2.7"


def test_outlooks_inner_hops_are_skipped_but_a_tenants_outbound_server_is_the_border() -> None:
    hops = (
        "from BN7.namprd01.prod.outlook.com (2603:10b6:408::8) by BN8.namprd02.prod.outlook.com with HTTPS",
        "from BN1.eop-nam11.prod.protection.outlook.com (2603:10b6:408::9) by BN7.outlook.office365.com (2603:1::1)",
        "from X.outbound.protection.outlook.com (2a01:111:f400:7e8a::1) by BN1.mail.protection.outlook.com (10.1.1.1)",
        "from a.example (192.0.2.9) by X.prod.outlook.com",
    )
    assert border_of("Outlook", *hops) == "2a01:111:f400:7e8a::1"


def test_a_hop_that_somebody_else_wrote_ends_the_search() -> None:
    hops = ("from a ([10.0.0.1]) by mx.stranger.example", "from b ([192.0.2.7]) by mx.google.com with ESMTP")
    assert border_of("Gmail", *hops) is None


def test_postfix_believes_the_host_on_top_and_its_neighbours() -> None:
    hops = (
        "from mx1.seed.example (mx1.seed.example [10.0.0.4]) by imap.seed.example (Dovecot) with LMTP",
        "from a.example (b.example [192.0.2.7]) by mx1.seed.example (Postfix) with ESMTPS",
        "from c ([198.51.100.1]) by a.example",
    )
    assert border_of("Postfix", *hops) == "192.0.2.7"


def test_yahoos_border_was_written_by_an_inner_address() -> None:
    hops = (
        "from 10.217.151.75 by atlas308.free.mail.bf1.yahoo.com with HTTPS",
        "from 192.0.2.7 (EHLO a.example) by 10.217.151.75 with SMTPs",
    )
    assert border_of("Yahoo", *hops) == "192.0.2.7"


@pytest.mark.parametrize(
    ("ip", "private"), [("10.1.2.3", True), ("2002:a05:1::", True), ("192.0.2.1", False), ("8.8.8.8", False)]
)
def test_private_addresses(ip: str, private: bool) -> None:
    assert is_private(ip) is private


def test_documentation_addresses() -> None:
    assert is_documentation("203.0.113.9")
    assert is_documentation("2001:db8::1")
    assert not is_documentation("8.8.8.8")


def test_fastmails_and_iclouds_inner_hosts_have_names_without_a_dot() -> None:
    fastmail = (
        "from compute4.internal (compute4.nyi.internal [10.202.2.44])  by sloti33d1t06 (Cyrus 3.0) with LMTPA",
        "from mx4 ([10.202.2.203])   by compute4.internal (LMTPProxy)",
        "from mx4.nyi.internal (localhost [127.0.0.1])     by mx4.messagingengine.com (Authentication Milter) with ESMTP",
        "from a.example (a.example [192.0.2.7]) by mx4.messagingengine.com (Postfix) with ESMTP",
    )
    assert border_of("Fastmail", *fastmail) == "192.0.2.7"
    icloud = (
        "from p01-icloudmta-smtpin-example by p01-mailgateway-smtp-example (mailgateway 1)",
        "from a.example (a.example [192.0.2.7]) by p01-icloudmta-smtpin.me.com (Postfix) with ESMTPS",
    )
    assert border_of("iCloud", *icloud) == "192.0.2.7"
