"""Provider signatures: one YAML file per provider becomes a `Provider` with its signals (schema: `docs/provider-files.md`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from monitor.errors import SettingsError
from monitor.identify.data_files import Folder, read_folder
from monitor.identify.patterns import Pattern, pattern_fault
from monitor.model import Role

DERIVED_FIELDS = frozenset(
    ("received-host", "received", "return-path", "dkim-d", "dkim-s", "sender-ip", "body-link-host", "message-id")
)
"""Fields that are worked out; every other field is a header of that name. `feedback-id` also reads X-Feedback-ID."""
_HOST_FIELDS = """received-host return-path dkim-d message-id body-link-host list-id list-unsubscribe list-help list-url
from reply-to sender errors-to x-abuse x-report-abuse-to"""
HOST_FIELDS = frozenset(_HOST_FIELDS.split())
"""Fields of which `suffix` compares host names on label borders."""


class Kind(StrEnum):
    """What sort of house it is; decides what its name at the border means."""

    ESP = "esp"
    DELIVERY = "delivery"
    APPLICATION = "application"
    SOFTWARE = "software"
    """Runs on anybody's servers: no server contradicts it."""
    MAILBOX = "mailbox"
    """People's mailboxes: whoever has an account can send anything through it, copied headers included."""
    GATEWAY = "gateway"
    """An outbound filter that hides the server behind it."""
    RELAY = "relay"
    """Forwards or distributes: the message was sent by somebody else before."""
    DONATIONS = "donations"
    MONITORING = "monitoring"


class Says(StrEnum):
    PLATFORM = "platform"
    DELIVERY = "delivery"
    BOTH = "both"
    RELAY = "relay"
    NOTHING = "nothing"
    """Known, so that nobody takes it for evidence."""


_ROLES = {Says.PLATFORM: Role.PLATFORM, Says.DELIVERY: Role.DELIVERY, Says.BOTH: Role.BOTH}


class Seen(StrEnum):
    """The best example that the signal rests on."""

    REAL = "real"
    QUOTED = "quoted"
    FORGED = "forged"
    NONE = "none"


def _pattern(value: object) -> object:
    if isinstance(value, str) and (fault := pattern_fault(value)) is not None:
        raise ValueError(f"expected a regular expression in RE2's syntax: {fault}")
    return value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


PatternText = Annotated[str, Field(min_length=1, max_length=300), BeforeValidator(_pattern)]
FieldName = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,60}$"), BeforeValidator(_lower)]
Text = Annotated[str, Field(min_length=1, max_length=600)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class SignalFile(_Strict):
    """One thing to look for. Exactly one of `suffix`, `exact`, `prefix`, `regex`, `cidr`, `present`."""

    field: FieldName
    suffix: Annotated[str, Field(min_length=2, max_length=253), BeforeValidator(_lower)] | None = None
    exact: Text | None = None
    prefix: Text | None = None
    regex: PatternText | None = None
    cidr: tuple[IPv4Network | IPv6Network, ...] | None = None
    present: Literal[True] | None = None
    says: Says
    weight: Annotated[float, Field(ge=0, le=10)]
    proof: bool = False
    """Only this house can bring it about, once it is observed or signed: then the answer may be `certain`."""
    seen: Seen = Seen.REAL
    note: Text | None = None

    @model_validator(mode="after")
    def _one_way(self) -> SignalFile:
        ways = [name for name in ("suffix", "exact", "prefix", "regex", "cidr", "present") if getattr(self, name) is not None]
        if len(ways) != 1:
            raise ValueError("expected exactly one of suffix, exact, prefix, regex, cidr, present")
        if (self.cidr is not None) != (self.field == "sender-ip"):
            raise ValueError("cidr belongs to the field sender-ip, and sender-ip needs cidr")
        return self


class AccountFile(_Strict):
    """Where a customer number stands: a pattern with the group `id`, the mailing's number in the group `job`, or both."""

    kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{1,30}$")]
    field: FieldName
    regex: PatternText
    token: bool = False
    """Whether the pattern reads the JSON that stands base64-coded in the value (RFC 7519), and not the value itself."""
    note: Text | None = None

    @model_validator(mode="after")
    def _named(self) -> AccountFile:
        if not {"id", "job"} & Pattern(self.regex).group_names:
            raise ValueError("expected a named group (?P<id>…) or (?P<job>…)")
        return self


class SourceFile(_Strict):
    what: Text
    read: date


class ProviderFile(_Strict):
    name: Annotated[str, Field(min_length=2, max_length=60)]
    company: Text | None = None
    former_names: tuple[Text, ...] = ()
    aliases: tuple[Text, ...] = ()
    kind: Kind
    role: Role
    through: tuple[Text, ...] = ()
    """Houses that it is known to send through; empty with role `platform`: not known."""
    rather_than: tuple[Text, ...] = ()
    """Where both are proven this one is the more exact answer."""
    all_networks: bool = False
    """Whether `sender-ip` names every address that it sends from."""
    notes: Text | None = None
    sources: Annotated[tuple[SourceFile, ...], Field(min_length=1)]
    seen: Seen
    signals: tuple[SignalFile, ...] = ()
    accounts: tuple[AccountFile, ...] = ()
    examples: tuple[str, ...] = ()
    not_examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """One signal of one provider, ready to weigh."""

    provider: str
    says: Says
    role: Role | None
    """What it is evidence for; None for `relay` and `nothing`."""
    for_platform: bool
    for_delivery: bool
    field: str
    weight: float
    proof: bool
    label: str
    """`file:index`."""
    way: str
    value: str
    pattern: Pattern | None
    holds_ip: bool
    """The pattern has a group `ip`, which must be the connecting address."""


@dataclass(frozen=True, slots=True, eq=False)
class AccountRule:
    provider: str
    kind: str
    field: str
    pattern: Pattern
    token: bool
    order: int
    """Its place in the file: of several kinds of number the first named there is the account."""


@dataclass(frozen=True, eq=False)
class Provider:
    """One house, with what it is called and how it shows."""

    name: str
    file: str
    spec: ProviderFile
    signals: tuple[Signal, ...]
    accounts: tuple[AccountRule, ...]

    @cached_property
    def label(self) -> str:
        """`Salesforce Marketing Cloud (formerly ExactTarget, owned by Salesforce)`."""
        facts = [f"formerly {', '.join(self.spec.former_names)}"] if self.spec.former_names else []
        if self.spec.company and self.spec.company not in (self.name, *self.spec.former_names):
            facts.append(f"owned by {self.spec.company}" if self.spec.role is Role.BOTH or facts else self.spec.company)
        return f"{self.name} ({', '.join(facts)})" if facts else self.name

    @property
    def aliases(self) -> tuple[str, ...]:
        """Former names first, then other names."""
        return self.spec.former_names + self.spec.aliases

    @cached_property
    def role(self) -> Role:
        return self.spec.role

    @cached_property
    def kind(self) -> Kind:
        return self.spec.kind

    @cached_property
    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(network for signal in self.spec.signals for network in signal.cidr or ())


@dataclass(frozen=True, eq=False)
class SignatureSet:
    """All providers by name, in the order of their files."""

    providers: Mapping[str, Provider]


def load_signatures(folders: Sequence[Folder]) -> SignatureSet:
    """Read provider files; a later folder's file replaces the provider of the same name.

    Raises `SettingsError` that names every fault with file and line.
    """
    providers: dict[str, Provider] = {}
    homes: dict[str, tuple[int, str]] = {}
    places: dict[str, str] = {}
    problems: list[str] = []
    for number, folder in enumerate(folders):
        for file, spec in read_folder([folder], ProviderFile):
            home = homes.get(spec.name)
            if home is not None and home[0] == number:
                problems.append(f"{folder}/{file}:1: name: {spec.name} is already in {home[1]}")
                continue
            homes[spec.name], places[spec.name] = (number, file), f"{folder}/{file}"
            providers[spec.name] = _provider(file, spec)
    for provider in providers.values():
        for other in (*provider.spec.through, *provider.spec.rather_than):
            if other not in providers:
                problems.append(f"{places[provider.name]}:1: through, rather_than: no provider is called {other}")
    if problems:
        raise SettingsError(problems)
    return SignatureSet(providers)


def _provider(file: str, spec: ProviderFile) -> Provider:
    stem = file.rsplit(".", 1)[0]
    signals = tuple(_signal(spec.name, f"{stem}:{index}", signal) for index, signal in enumerate(spec.signals))
    accounts = tuple(
        AccountRule(spec.name, rule.kind, rule.field, Pattern(rule.regex), rule.token, place)
        for place, rule in enumerate(spec.accounts)
    )
    return Provider(spec.name, file, spec, signals, accounts)


def _signal(provider: str, label: str, spec: SignalFile) -> Signal:
    way, value = next(
        (name, " ".join(map(str, found)) if isinstance(found, tuple) else str(found))
        for name in ("suffix", "exact", "prefix", "regex", "cidr", "present")
        if (found := getattr(spec, name)) is not None
    )
    pattern = Pattern(spec.regex) if spec.regex else None
    return Signal(
        provider=provider,
        says=spec.says,
        role=_ROLES.get(spec.says),
        for_platform=spec.says in (Says.PLATFORM, Says.BOTH),
        for_delivery=spec.says in (Says.DELIVERY, Says.BOTH),
        field=spec.field,
        weight=spec.weight,
        proof=spec.proof,
        label=label,
        way=way,
        value=value,
        pattern=pattern,
        holds_ip=pattern is not None and "ip" in pattern.group_names,
    )
