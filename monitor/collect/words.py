"""Decode RFC 2047 encoded words and raw 8-bit bytes of a header value into text; never raises."""

from __future__ import annotations

import codecs
import re
from base64 import b64decode
from binascii import Error as Base64Error
from binascii import a2b_qp
from functools import lru_cache

_WORD = re.compile(r"=\?([\w.:-]{1,40})(?:\*[^?]{0,20})?\?([bBqQ])\?([^?]*)\?=")
_LIKE_A_WORD = re.compile(r"=\?[^?\s]{1,60}\?[^?\s]{0,20}\?[^?]*\?=")
_BASE64_OR_BLANK = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= \t"
_BETWEEN = re.compile(r"\?=[ \t\r\n]+=\?")
_NO_CHARSETS = frozenset(("punycode", "idna", "unicode_escape", "unicodeescape", "raw_unicode_escape", "rawunicodeescape"))
"""Python's codecs that no mail is written in; the time of the first two grows with the square of the length."""


def words_fault(value: str) -> str | None:
    """What is broken in the encoded words of a header value, in words of ours; None where they can all be read."""
    if "=?" not in value:
        return None
    for word in _WORD.finditer(value):
        if not _is_charset(word[1]):
            return "an encoded word in an unknown character set"
        if word[2] in "bB" and word[3].encode("latin-1", "replace").translate(None, _BASE64_OR_BLANK):
            return "an encoded word in base64 with characters that are none of its own"
    if _LIKE_A_WORD.search(_WORD.sub("", value)):
        return "an encoded word that cannot be read"
    return None


@lru_cache(maxsize=256)
def _is_charset(name: str) -> bool:
    try:
        codecs.lookup(name)
    except (LookupError, ValueError):
        return False
    return name.lower().replace("-", "_") not in _NO_CHARSETS


def decode_words(value: str) -> str:
    """The readable text of a header value whose 8-bit bytes stand as latin-1; unreadable words stay as they are.

    Blank space between two encoded words is no text (RFC 2047 §6.2); neighbours in one charset are joined before decoding,
    as many senders cut a character in two.
    """
    if "=?" not in value:
        return value if value.isascii() else decode_bytes(value.encode("latin-1", "replace"))
    value = _BETWEEN.sub("?==?", value)
    out: list[str] = []
    pending, charset, end = bytearray(), "", 0
    for word in _WORD.finditer(value):
        gap = value[end : word.start()]
        data = _word_bytes(word[2], word[3])
        if pending and (gap or word[1].lower() != charset):
            out.append(decode_bytes(bytes(pending), charset))
            pending = bytearray()
        out.append(gap if gap.isascii() else decode_bytes(gap.encode("latin-1", "replace")))
        pending += data
        charset, end = word[1].lower(), word.end()
    if pending:
        out.append(decode_bytes(bytes(pending), charset))
    rest = value[end:]
    out.append(rest if rest.isascii() else decode_bytes(rest.encode("latin-1", "replace")))
    return "".join(out)


def decode_bytes(data: bytes, charset: str = "utf-8") -> str:
    """Text of bytes in a named charset; UTF-8 and then Windows-1252 where the name is wrong or unknown."""
    for name in (charset, "utf-8"):
        if name.lower().replace("-", "_") in _NO_CHARSETS:
            continue
        try:
            return data.decode(name).encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair is no text
        except (LookupError, UnicodeError, ValueError):
            continue
    return data.decode("cp1252", "replace")


def _word_bytes(encoding: str, text: str) -> bytes:
    raw = text.encode("latin-1", "replace")
    if encoding in "qQ":
        return a2b_qp(raw, header=True)
    try:
        return b64decode(raw + b"=" * (-len(raw) % 4))
    except (Base64Error, ValueError):
        return raw
