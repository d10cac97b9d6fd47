"""Parsing and identifying real headers against the standard library's parser, growth with signatures, the worst header."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterable
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from email.utils import getaddresses, parsedate_to_datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from monitor.collect.parse import parse_message
from monitor.identify.match import Identifier
from monitor.identify.receivers import ReceiverSet, load_receivers
from monitor.identify.signatures import load_signatures
from monitor.model import Message
from monitor.shipped import shipped

MESSAGES = Path(__file__).resolve().parent.parent / "data" / "messages"
ROUNDS = 30
ENOUGH = 200
MANY = 100
"""Messages from which a half is enough to have met the usual hosts and words, before the other half is seen."""
ADDRESSES = frozenset(["from", "reply-to", "sender", "errors-to", "return-path", "delivered-to", "x-original-to", "envelope-to"])
"""The fields that we read for an address. `To` is none of them."""
_COMPAT32 = BytesHeaderParser()


def run() -> list[str]:
    """Ratios of CPU time, the best of interleaved rounds, so that a busy machine weighs on both sides alike."""
    receivers = load_receivers([shipped("config/receivers")])
    signatures = load_signatures([shipped("config/providers")])
    identifier = Identifier(signatures, receivers)
    distinct = _heads()
    heads = distinct * max(1, ENOUGH // len(distinct))
    read_fields = {
        *identifier.header_names(),
        "date",
        "subject",
        "received-spf",
        "authentication-results",
        "dkim-signature",
        *ADDRESSES,
    }

    def ours() -> None:
        for head in heads:
            identifier.identify(parse_message(head))

    def parsing() -> None:
        for head in heads:
            parse_message(head)

    def standard() -> None:
        for head in heads:
            _standard_library(head, read_fields)

    spent_ours, spent_parsing, spent_standard = _best([ours, parsing, standard], ROUNDS)
    lines = [
        f"{len(distinct)} real headers: parse and identify {spent_ours / len(heads) * 1e6:.0f} µs a message, "
        f"BytesHeaderParser and decoding the same fields {spent_standard / len(heads) * 1e6:.0f} µs: "
        f"ratio {spent_ours / spent_standard:.2f} (at most 1), parsing alone {spent_parsing / spent_standard:.2f}"
    ]
    if len(distinct) >= MANY:
        lines.append(_never_seen(distinct, read_fields, lambda: Identifier(signatures, receivers)))
    few, many = (_identifier_of(count, receivers) for count in (100, 1000))
    messages = [parse_message(head) for head in heads]
    spent_few, spent_many = _best([lambda: _identify_all(few, messages), lambda: _identify_all(many, messages)], ROUNDS // 2)
    lines.append(f"identify with 1,000 signature files against 100: ratio {spent_many / spent_few:.2f} (below 1.5)")
    lines += _worst(identifier)
    return lines


def _heads() -> list[bytes]:
    """Header sections: of the mbox named by GONEQUIET_BENCH_MBOX, else of the project's real messages."""
    named = os.environ.get("GONEQUIET_BENCH_MBOX")
    if named:
        raw = Path(named).read_bytes()
        parts = [part.partition(b"\n")[2] for part in re.split(rb"(?m)^From (?=\S+@\S+ )", raw)[1:]]
    else:
        parts = [file.read_bytes() for file in sorted(MESSAGES.glob("*.eml"))]
    return [re.split(rb"\r?\n\r?\n", part, maxsplit=1)[0] + b"\n\n" for part in parts]


def _standard_library(head: bytes, read_fields: Iterable[str]) -> None:
    """What compat32 users write: parse, decode each field that identification reads, addresses and date taken apart.

    For DKIM tags, results and hops it has no reader of its own, so that of those it decodes the words alone.
    """
    message = _COMPAT32.parsebytes(head)
    for name, value in message.items():
        lower = name.lower()
        if lower in read_fields:
            try:
                text = str(make_header(decode_header(value)))
                if lower in ADDRESSES:
                    getaddresses([text])
                elif lower == "date":
                    parsedate_to_datetime(text)
            except (ValueError, TypeError, LookupError):
                continue


def _best(works: list[Callable[[], None]], rounds: int) -> list[float]:
    best = [float("inf")] * len(works)
    for _ in range(rounds):
        for number, work in enumerate(works):
            start = time.process_time()
            work()
            best[number] = min(best[number], time.process_time() - start)
    return best


def _never_seen(heads: list[bytes], read_fields: Iterable[str], fresh: Callable[[], Identifier]) -> str:
    """The same ratio over every other message, each seen for the first time: no cache knows its host, address or signature."""
    ours, standard = float("inf"), float("inf")
    for _ in range(ROUNDS // 3):
        _forget()
        identifier = fresh()
        for head in heads[::2]:
            _read_one(identifier, head)
        start = time.process_time()
        for head in heads[1::2]:
            _read_one(identifier, head)
        between = time.process_time()
        for head in heads[1::2]:
            _standard_library(head, read_fields)
        ours, standard = min(ours, between - start), min(standard, time.process_time() - between)
    return f"{len(heads[1::2])} of them, never seen before, after the others: ratio {ours / standard:.2f}"


def _forget() -> None:
    """Empty every cache of ours."""
    for module in [module for name, module in sys.modules.items() if name.startswith("monitor.")]:
        for value in vars(module).values():
            if callable(empty := getattr(value, "cache_clear", None)):
                empty()


def _identify_all(identifier: Identifier, messages: list[Message]) -> None:
    for message in messages:
        identifier.identify(message)


def _identifier_of(count: int, receivers: ReceiverSet) -> Identifier:
    """The shipped files, those with examples first, then copies of them under invented names, domains and words."""
    files = [(file.name, file.read_text("utf-8")) for file in shipped("config/providers").iterdir()]
    files.sort(key=lambda file: ("\nexamples:" not in file[1], file[0]))
    with TemporaryDirectory() as folder:
        for number in range(count):
            name, text = files[number % len(files)]
            turn = number // len(files)
            text = re.sub(r"(?m)^(through|rather_than|all_networks): .*\n", "", text)
            if turn:
                text = re.sub(r"(?m)^name: '?(.*?)'?$", rf"name: '\1 {turn}'", text)
                text = re.sub(r"(?m)((?:suffix|exact|prefix|regex): ')(.*?)(', says)", partial(_other, turn), text)
                text = re.sub(r"(field: x-)", rf"\1{_word(turn)}-", text)
                text = re.sub(r"cidr: \[[^\]]*\]", f"cidr: [10.{turn}.0.0/16]", text)
            (Path(folder) / f"{turn}-{name}").write_text(text)
        return Identifier(load_signatures([Path(folder)]), receivers)


def _other(turn: int, found: re.Match[str]) -> str:
    """The same kind of value with an invented word in it: what a thousand different houses would bring."""
    value, count = re.subn(r"(?<![\\(?])\b[A-Za-z]{3,}", rf"{_word(turn)}\g<0>", found[2], count=1)
    return found[1] + (value if count else re.sub(r"^\^?", rf"\g<0>{_word(turn)}", value)) + found[3]


def _word(turn: int) -> str:
    return "abcdefghij"[turn % 10] * 3


def _read_one(identifier: Identifier, raw: bytes) -> None:
    identifier.identify(parse_message(raw))


def _worst(identifier: Identifier) -> list[str]:
    """The slowest of several headers of 100 kB, and how its time grows to 400 kB."""
    parts = {
        "Received of one kind": "Received: from a.example (b.example [198.18.0.1]) by mx.google.com with ESMTPS id y2\n",
        "inner hops": "Received: from a ([10.0.0.1]) by mx.google.com with ESMTP id x\n",
        "open comments": "Received: from a " + "(" * 900 + "\n",
        "signatures": "DKIM-Signature: d=example.org; s=x; h=" + "from:" * 60 + "; b=x\n",
        "results": "Authentication-Results: mx.google.com; " + 'dkim=pass (c "q") header.d=a.example; ' * 20 + "\n",
        "unsubscribe links": "List-Unsubscribe: " + "<https://a.example/u>, " * 40 + "\n",
        "encoded words": "Subject: " + "=?utf-8?q?a?= " * 60 + "\n",
        "empty fields": "a:\n",
        "one long line": "X-Mailer: " + "a" * 900 + "\n",
        "one long From": "From: " + "a" * 60_000 + "\n",
    }
    slowest = ("", 0.0, 0.0)
    for name, part in parts.items():
        spent = []
        for size in (100_000, 400_000):
            raw = (part * (size // len(part)) + "\n").encode()
            spent.append(_best([partial(_read_one, identifier, raw)], 3)[0])
        if spent[0] > slowest[1]:
            slowest = (name, spent[0], spent[1])
    return [
        f"worst header of 100 kB ({slowest[0]}): {slowest[1] * 1e3:.1f} ms (at most 50); "
        f"four times the size takes {slowest[2] / slowest[1]:.1f} times as long"
    ]
