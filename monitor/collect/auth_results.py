"""Read Authentication-Results (RFC 8601) and Received-SPF (RFC 7208 §9.1); whether to believe one is decided elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass

VALUE_LIMIT = 8_000
"""Characters of one value that are read; the longest of a big provider seen has about 2,000."""

# A comment may hold quoted strings and one level of comments; possessive, so that no input makes it slow.
_COMMENT = re.compile(r'\((?:[^()"\\]|\\.|"(?:[^"\\]|\\.)*+"|\((?:[^()\\]|\\.)*+\))*+\)')
_CLAUSE = re.compile(r'(?:[^;"]|"(?:[^"\\]|\\.)*+")++')
_RESULT = re.compile(r"\s*([a-z][a-z0-9-]{0,40})(?:/\d+)?\s*=\s*([a-z]+)", re.IGNORECASE)
_PROPERTY = re.compile(r'([a-z]+\.[a-z0-9_-]{1,40}|reason)\s*=\s*((?:"(?:[^"\\]|\\.)*+"|[^\s;"])++)', re.IGNORECASE)
_SPF_PAIR = re.compile(r'\b(client-ip|envelope-from|helo|identity|receiver)\s*=\s*("(?:[^"\\]|\\.)*+"|[^\s;"]+)', re.IGNORECASE)
_SENDER_IP = re.compile(r"sender ip is ([0-9a-f.:]{3,45})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AuthResult:
    """One method's result, such as dkim=pass with {`header.d`: `example.org`}. All in lower case but property values."""

    method: str
    result: str
    properties: dict[str, str]

    def domain(self) -> str | None:
        """The domain it is about: d= or i= of a signature, the envelope sender's, the author's; lower-case."""
        for name in ("header.d", "header.i", "smtp.mailfrom", "header.from"):
            if value := self.properties.get(name):
                return value.rpartition("@")[2].lower().rstrip(".") or None
        return None


@dataclass(frozen=True, slots=True)
class AuthResults:
    """One Authentication-Results field. `authserv_id` is None where the receiver writes none, as Outlook does."""

    authserv_id: str | None
    results: tuple[AuthResult, ...]
    sender_ip: str | None = None
    """The connecting address, where the receiver notes it in a comment (Outlook)."""

    def of(self, method: str) -> tuple[AuthResult, ...]:
        return tuple(result for result in self.results if result.method == method)

    def passed(self, method: str) -> tuple[AuthResult, ...]:
        return tuple(result for result in self.results if result.method == method and result.result == "pass")


def parse_auth_results(value: str) -> AuthResults:
    """Read one unfolded value. What comes after an unbalanced comment or quote is not believed and left out.

    A sender chooses the local part of the address that receivers repeat here, so `"a; dkim=pass header.d=x"@evil` in
    quotes or in a comment must not read as a result.
    """
    value = value[:VALUE_LIMIT]
    note = _SENDER_IP.search(value)
    bare = _COMMENT.sub(" ", value) if "(" in value else value
    broken = min((at for mark in "()" if (at := bare.find(mark)) >= 0), default=-1)
    if broken >= 0:
        bare = bare[:broken]
    if bare.count('"') % 2:
        bare = bare[: bare.rfind('"')]
    clauses = _CLAUSE.findall(bare) if '"' in bare else bare.split(";")
    first = clauses[0].strip() if clauses else ""
    authserv_id = None if "=" in first or not first else first.split()[0].lower()
    results: list[AuthResult] = []
    for clause in clauses if authserv_id is None else clauses[1:]:
        head = _RESULT.match(clause)
        if head is None:
            continue
        properties: dict[str, str] = {}
        for name, text in _PROPERTY.findall(clause, head.end()):
            properties.setdefault(name.lower(), text.strip('"'))
        results.append(AuthResult(head[1].lower(), head[2].lower(), properties))
    return AuthResults(authserv_id, tuple(results), note[1] if note else None)


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
