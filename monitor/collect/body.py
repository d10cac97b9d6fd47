"""Read a message's body just far enough for its link hosts and a fingerprint of its text: linear and bounded."""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode
from binascii import a2b_qp
from collections import Counter
from collections.abc import Iterator

from monitor.collect.words import decode_bytes

BODY_LIMIT = 1_000_000
"""Octets of a body that are looked at; newsletters have 20 to 150 kB."""
PART_LIMIT = 40
DEPTH_LIMIT = 6
HOST_LIMIT = 20

_FIELD = re.compile(rb"^(content-type|content-transfer-encoding)[ \t]*:((?:.*)(?:\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE)
_BOUNDARY = re.compile(rb"boundary[ \t]*=[ \t]*(?:\"([^\"\n]{1,200})\"|([^\s;\"]{1,200}))", re.IGNORECASE)
_CHARSET = re.compile(rb"charset[ \t]*=[ \t]*\"?([\w.:-]{1,40})", re.IGNORECASE)
_HOST = re.compile(r"https?://(?:[^\s/@\"'<>]{0,100}@)?([a-z0-9][a-z0-9._-]{1,251})", re.IGNORECASE)
_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))
_BLANK = b" \t\r\n="
_AS_THEY_ARE = frozenset((b"", b"7bit", b"8bit", b"binary"))
# A run without blanks is looked through for its `@` once, from its start: a body may be one run of a megabyte.
_RECIPIENTS_OWN = re.compile(r"https?://\S+|(?<!\S)[^\s@]++@\S+|&[a-z#0-9]{1,8};", re.IGNORECASE)
_TEXT_WORD = re.compile(r"[^\W\d_]{2,24}")
_UNSHOWN = ("style", "script", "head", "title")


def link_hosts(parts: list[tuple[str, str]]) -> tuple[str, ...]:
    """Hosts of http(s) links, lower-case, most frequent first, at most 20."""
    count: Counter[str] = Counter()
    for _, text in parts:
        count.update(host.lower().rstrip(".") for host in _HOST.findall(text))
    return tuple(host for host, _ in count.most_common(HOST_LIMIT) if "." in host)


def fingerprint(parts: list[tuple[str, str]]) -> str | None:
    """A digest of the readable words without links, addresses and numbers, which differ by recipient; None without text."""
    for kind in ("text/plain", "text/html"):
        for found, text in parts:
            if found != kind:
                continue
            shown = _shown_text(text) if kind == "text/html" else text
            words = _TEXT_WORD.findall(_RECIPIENTS_OWN.sub(" ", shown).lower())
            if len(words) >= 8:
                return hashlib.blake2b(" ".join(words).encode("utf-8", "replace"), digest_size=16).hexdigest()
    return None


def text_parts(content_type: str, transfer_encoding: str, body: bytes, faults: list[str]) -> list[tuple[str, str]]:
    """The decoded (type, text) of the text parts, in order. `body` is looked at up to `BODY_LIMIT`.

    What is broken in its MIME structure (RFC 2045, RFC 2046) is added to `faults`, in words of ours.
    """
    body = body[:BODY_LIMIT].replace(b"\r\n", b"\n")
    kind = content_type.encode("latin-1", "replace")
    return list(_walk(kind, transfer_encoding.encode("latin-1", "replace"), body, DEPTH_LIMIT, [PART_LIMIT], faults))


def _walk(kind: bytes, encoding: bytes, body: bytes, depth: int, left: list[int], faults: list[str]) -> Iterator[tuple[str, str]]:
    lower = kind.strip().lower() or b"text/plain"
    if lower.startswith(b"multipart/"):
        named = _BOUNDARY.search(kind)
        if named is None or depth == 0:
            faults.append("multipart, and no boundary is named" if named is None else "parts within parts, too deep to follow")
            return
        parts = (b"\n" + body).split(b"\n--" + (named[1] or named[2]))[1:]
        if not parts and not body.isspace():
            faults.append("multipart, and its boundary does not occur")
        for part in parts:
            if part.startswith(b"--") or left[0] <= 0:
                return
            left[0] -= 1
            head, _, content = part.lstrip(b" \t").partition(b"\n\n")
            fields = {name.lower(): value for name, value in _FIELD.findall(head)}
            inner, written = fields.get(b"content-type", b""), fields.get(b"content-transfer-encoding", b"")
            yield from _walk(inner, written, content, depth - 1, left, faults)
    elif lower.startswith((b"text/plain", b"text/html")):
        charset = _CHARSET.search(kind)
        name = charset[1].decode("ascii", "replace") if charset else "utf-8"
        shown = "text/html" if lower.startswith(b"text/html") else "text/plain"
        yield shown, decode_bytes(_decoded(encoding, body, faults), name)


def _decoded(encoding: bytes, body: bytes, faults: list[str]) -> bytes:
    encoding = encoding.strip().lower()
    if encoding == b"quoted-printable":
        return a2b_qp(body)
    if encoding == b"base64":
        clean = body.translate(None, _NOT_BASE64)
        if len(clean) != len(body.translate(None, _BLANK)):
            faults.append("base64 with characters that are none of its own")
        return b64decode(clean[: len(clean) - len(clean) % 4])
    if encoding not in _AS_THEY_ARE:
        faults.append("an unknown Content-Transfer-Encoding")
    return body


def _shown_text(html: str) -> str:
    """The text between the tags, without style sheets, scripts and comments. One pass over the pieces between `<`."""
    out: list[str] = []
    hidden: str | None = None
    for piece in html.split("<"):
        tag, _, text = piece.partition(">")
        name = tag[:8].lower()
        if hidden is not None:
            if name.startswith("/" + hidden):
                hidden = None
            else:
                continue
        else:
            hidden = next((word for word in _UNSHOWN if name.startswith(word) and not name.startswith("header")), None)
            if hidden is not None:
                continue
        out.append(text)
    return " ".join(out)
