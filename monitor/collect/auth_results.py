"""Read Authentication-Results (RFC 8601) and Received-SPF (RFC 7208 §9.1); whether to believe one is decided elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass

VALUE_LIMIT = 8_000
"""Characters of one value that are read; the longest of a big provider seen has about 2,000."""

_QUOTED_WORD = re.compile(r'="([^\s;,"\\]+)"(?=[\s;]|$)')
"""A quoted value that reads the same without quotes, such as the `smtp.mailfrom="me=example.org@bounce.example"` of Gmail."""
_SIMPLE_COMMENT = re.compile(r'\([^()"\\]*\)')
# A comment may hold quoted strings and one level of comments; possessive, so that no input makes it slow.
_COMMENT = re.compile(r'\((?:[^()"\\]|\\.|"(?:[^"\\]|\\.)*+"|\((?:[^()\\]|\\.)*+\))*+\)')
# A clause's method and result, or one of its properties. A `;` inside quotes starts nothing, as quotes are taken whole.
_TOKEN = re.compile(
    r"(?:^|;)\s*([a-zA-Z][a-zA-Z0-9-]{0,40})(?:/\d+)?\s*=\s*([a-zA-Z]+)"
    r'|\b([a-zA-Z]+\.[a-zA-Z0-9_-]{1,40}|reason)\s*=\s*((?:"(?:[^"\\]|\\.)*+"|[^\s;"])++)'
    r'|"(?:[^"\\]|\\.)*+"'
)
_SPF_PAIR = re.compile(r'\b(client-ip|envelope-from|helo|identity|receiver)\s*=\s*("(?:[^"\\]|\\.)*+"|[^\s;"]+)', re.IGNORECASE)
_SENDER_IP = re.compile(r"sender ip is ([0-9a-f.:]{3,45})", re.IGNORECASE)


@dataclass(slots=True)
class AuthResult:
    """One method's result, such as dkim=pass with {`header.d`: `example.org`}. All in lower case but property values."""

    method: str
    result: str
    properties: dict[str, str]

    def domain(self) -> str | None:
        """The domain it is about: d= or i= of a signature, the envelope sender's, the author's; lower-case."""
        for name in ("header.d", "header.i", "smtp.mailfrom", "smtp.mail", "header.from"):
            if value := self.properties.get(name):
                return value.rpartition("@")[2].lower().rstrip(".") or None
        return None


@dataclass(slots=True)
class AuthResults:
    """One Authentication-Results field. `authserv_id` is None where the receiver writes none, as Outlook does."""

    authserv_id: str | None
    results: tuple[AuthResult, ...]
    sender_ip: str | None = None
    """The connecting address, where the receiver notes it in a comment (Outlook)."""

    def of(self, method: str) -> tuple[AuthResult, ...]:
        return tuple([result for result in self.results if result.method == method])

    def passed(self, method: str) -> tuple[AuthResult, ...]:
        return tuple([result for result in self.results if result.method == method and result.result == "pass"])


def parse_auth_results(value: str) -> AuthResults:
    """Read one unfolded value. What comes after an unbalanced comment or quote is not believed and left out.

    A sender chooses the local part of the address that receivers repeat here, so `"a; dkim=pass header.d=x"@evil` in
    quotes or in a comment must not read as a result.
    """
    value = value[:VALUE_LIMIT]
    note = _SENDER_IP.search(value) if "IP is" in value else None
    bare = _SIMPLE_COMMENT.sub(" ", value)
    if "(" in bare or ")" in bare:
        bare = _COMMENT.sub(" ", value)
    if "(" in bare or ")" in bare:
        bare = bare[: min(at for mark in "()" if (at := bare.find(mark)) >= 0)]
    if '"' in bare and bare.count('"') % 2:
        bare = bare[: bare.rfind('"')]
    first, _, rest = bare.partition(";")
    word, _, more = first.strip().partition(" ")
    if not word or "=" in word or more.lstrip().startswith("="):
        authserv_id, rest = None, bare
    else:
        # Yahoo put `from=example.org` behind the id until 2019, where RFC 8601 has only a version.
        authserv_id = word.lower()
        rest = ";" + rest
    unquoted = _QUOTED_WORD.sub(r"=\1", rest) if '"' in rest else rest
    plain = '"' not in unquoted and "= " not in unquoted and " =" not in unquoted
    results = _plain_results(unquoted) if plain else _quoted_results(rest)
    return AuthResults(authserv_id, tuple(results), note[1] if note else None)


def _plain_results(text: str) -> list[AuthResult]:
    """Results of a text without quotes and without blanks around `=`: nearly every one; four times as fast."""
    results: list[AuthResult] = []
    for clause in text.split(";"):
        words = clause.split()
        if not words:
            continue
        method, _, result = words[0].partition("=")
        if not result.isalpha():
            continue
        properties: dict[str, str] = {}
        for word in words[1:]:
            name, equals, value = word.partition("=")
            if equals:
                properties.setdefault(name.lower(), value)  # of a property that is repeated the first counts
        results.append(AuthResult(method.partition("/")[0].lower(), result.lower(), properties))
    return results


def _quoted_results(text: str) -> list[AuthResult]:
    results: list[AuthResult] = []
    properties: dict[str, str] = {}
    for method, result, name, value in _TOKEN.findall(text):
        if method:
            properties = {}
            results.append(AuthResult(method.lower(), result.lower(), properties))
        elif name and results:
            properties.setdefault(name.lower(), value.strip('"'))
    return results


def parse_received_spf(value: str) -> AuthResult | None:
    """Read Received-SPF into an `spf` result with `smtp.mailfrom`, `client-ip`, `helo`, `receiver`; None if it says nothing."""
    value = value[:VALUE_LIMIT]
    word = re.match(r"\s*([a-z]{4,10})\b", value, re.IGNORECASE)
    if word is None:
        return None
    bare = _COMMENT.sub(" ", value)
    broken = min((at for mark in "()" if (at := bare.find(mark)) >= 0), default=len(bare))
    properties = {name.lower(): text.strip('"') for name, text in _SPF_PAIR.findall(bare[:broken])}
    if "envelope-from" in properties:
        properties["smtp.mailfrom"] = properties.pop("envelope-from").strip("<>")
    return AuthResult("spf", word[1].lower(), properties)
