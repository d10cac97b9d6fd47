"""Decide platform and delivery from the signals that fit: proof first, then weight; claims never make anything certain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from monitor.identify.evidence import Hit
from monitor.identify.facts import Facts
from monitor.identify.received import is_documentation
from monitor.identify.signatures import Kind, Provider
from monitor.model import Confidence, Role, Trust

ENOUGH = 3.0
"""Weight from which claims name a provider: one strong signal (3) or several weak ones (1 each)."""
_BORDER_FIELDS = frozenset(("received-host", "sender-ip"))
_PASSED_ON = (Kind.MAILBOX, Kind.RELAY, Kind.GATEWAY)
_OBSERVED, _CLAIMED = Trust.OBSERVED, Trust.CLAIMED
_CERTAIN, _LIKELY, _POSSIBLE = Confidence.CERTAIN, Confidence.LIKELY, Confidence.POSSIBLE
_BOTH, _DELIVERY = Role.BOTH, Role.DELIVERY
"""Members that every message asks for: a global is read ten times as fast as the attribute of an enum."""


@dataclass(slots=True)
class Case:
    """What speaks for one provider."""

    provider: Provider
    hits: list[Hit] = field(default_factory=list)
    wrong_ip: str | None = None
    """The address that a header repeats, where it is not the one that connected."""
    right_ip: bool = False
    """A header repeats the address that connected: a copy from elsewhere would have another."""

    platform: float = 0.0
    """Weight of what speaks for the tool: the heaviest signal of each field (five copies of one header are one)."""
    delivery: float = 0.0
    """The same of what speaks for the servers."""
    platform_proof: Trust | None = None
    """Who vouches best for what only this house can bring about, of the tool: our receiver or a good signature, else None."""
    delivery_proof: Trust | None = None
    """The same of the servers."""
    border_proof: bool = False
    """The address or the name that connected proves the servers."""
    at_border: bool = False
    """An address or a name of a server of this house alone, whoever says so."""
    strong: bool = False
    """Our receiver or a good signature vouches for one strong signal at least."""
    strong_platform: bool = False
    strong_delivery: bool = False

    def add_up(self) -> None:
        """Once all hits are there: the weights and the proofs, in one pass."""
        platform: dict[str, float] = {}
        delivery: dict[str, float] = {}
        for hit in self.hits:
            signal, trust = hit.signal, hit.trust
            name, weight = signal.field, signal.weight
            for_platform, for_delivery = signal.for_platform, signal.for_delivery
            vouched = trust is not _CLAIMED
            if weight >= ENOUGH:
                if vouched:
                    self.strong = True
                if for_platform:
                    self.strong_platform = True
                if for_delivery:
                    self.strong_delivery = True
            if for_platform and weight > platform.get(name, 0.0):
                platform[name] = weight
            if for_delivery and weight > delivery.get(name, 0.0):
                delivery[name] = weight
            if signal.proof:
                if vouched and for_platform and self.platform_proof is not _OBSERVED:
                    self.platform_proof = trust
                if vouched and for_delivery and self.delivery_proof is not _OBSERVED:
                    self.delivery_proof = trust
                if name in _BORDER_FIELDS:
                    self.at_border = True
                    self.border_proof = self.border_proof or (vouched and for_delivery)
        self.platform, self.delivery = sum(platform.values()), sum(delivery.values())

    def vouched(self, facts: Facts) -> bool:
        """Whether anything strong that fits comes from our receiver or a good signature, or agrees with what was observed."""
        return self.right_ip or self.strong or facts.white_label

    def greeted(self, facts: Facts) -> bool:
        """Whether the client called itself by a host of this house, whose addresses nobody lists: a hint, no more.

        A bare `house.com` is what forgers greet with; its servers have names of their own.
        """
        if not facts.greeting_vouched or self.provider.networks:
            return False
        return any(
            hit.signal.field == "received-host" and hit.signal.weight >= ENOUGH and hit.value != hit.signal.value
            for hit in self.hits
        )


@dataclass(slots=True)
class Verdict:
    platform: str | None = None
    platform_confidence: Confidence | None = None
    delivery: str | None = None
    delivery_confidence: Confidence | None = None
    conflicts: list[str] = field(default_factory=list)


def decide(hits: Sequence[Hit], facts: Facts, providers: Mapping[str, Provider]) -> Verdict:
    """Platform and delivery with how sure each is. A tie is nobody; a contradicted claim is listed and not believed."""
    verdict = Verdict(conflicts=list(facts.conflicts))
    cases: dict[str, Case] = {}
    for hit in hits:
        case = cases.get(hit.signal.provider)
        if case is None:
            case = cases[hit.signal.provider] = Case(providers[hit.signal.provider])
        case.hits.append(hit)
    for case in cases.values():
        case.add_up()
    _compare_addresses(cases, facts, verdict)
    _decide_delivery(cases, facts, verdict)
    _decide_platform(cases, facts, verdict, providers)
    _be_careful(cases, facts, verdict, providers)
    return verdict


def _compare_addresses(cases: Mapping[str, Case], facts: Facts, verdict: Verdict) -> None:
    """A header that repeats the connecting address shows a copy by the wrong one; and some houses name all their addresses."""
    ip = facts.sending_ip
    if ip is None or facts.relay is not None or (is_documentation(ip) and not facts.authentication_noted):
        return
    for case in cases.values():
        for hit in case.hits:
            if hit.signal.holds_ip and hit.signal.pattern is not None:
                repeated = (hit.signal.pattern.groups(hit.value) or {}).get("ip")
                if repeated == ip:
                    case.right_ip = True
                elif repeated:
                    case.wrong_ip = repeated
                    verdict.conflicts.append(
                        f"{case.provider.name}: {hit.signal.field} names the address {case.wrong_ip}, but {ip} connected"
                    )
        if (
            case.provider.spec.all_networks
            and not _perhaps_passed_on(facts)
            and not any(hit.signal.field == "sender-ip" for hit in case.hits)
        ):
            case.wrong_ip = case.wrong_ip or "another"
            if max(case.platform, case.delivery) >= ENOUGH:
                verdict.conflicts.append(f"{case.provider.name}: {ip} is none of its published addresses")


def _perhaps_passed_on(facts: Facts) -> bool:
    """Whether SPF fails and a signature is good, as where somebody passes mail on without a word."""
    return facts.spf is not None and facts.spf.result != "pass" and any(good for _, good in facts.signatures)


def _decide_delivery(cases: Mapping[str, Case], facts: Facts, verdict: Verdict) -> None:
    passed_on = facts.relay is not None
    proven: list[tuple[float, Case]] = []
    claimed: list[tuple[float, Case]] = []
    for case in cases.values():
        weight = case.delivery
        if weight <= 0:
            continue
        if case.delivery_proof is not None:
            proven.append((weight + 100 if case.border_proof else weight, case))
        else:
            # Of mere claims the hop weighs most: a header is copied more easily than a server.
            claimed.append((weight + 100 if case.at_border else weight, case))
    if passed_on:
        others = [entry for entry in (*proven, *claimed) if entry[1].provider.kind not in _PASSED_ON and entry[0] >= ENOUGH]
        if others:
            proven = [entry for entry in proven if entry in others]
            claimed = [entry for entry in claimed if entry in others]
    best = _best(proven)
    if best is not None:
        # A good signature alone may have been replayed through other servers: the border or the envelope must agree.
        verdict.delivery = best.provider.name
        verdict.delivery_confidence = _CERTAIN if best.delivery_proof is _OBSERVED else _LIKELY
        for weight, other in proven:
            if other is not best and not _related(best, other) and weight >= 100:
                verdict.conflicts.append(f"the connecting address also speaks for {other.provider.name}")
        return
    credible = [(weight, case) for weight, case in claimed if weight >= ENOUGH and _credible(case, facts, verdict)]
    best = _best(credible)
    if best is not None:
        verdict.delivery = best.provider.name
        sure_enough = best.strong_delivery and not _only_greeted(best, facts)
        verdict.delivery_confidence = _LIKELY if sure_enough else _POSSIBLE


def _decide_platform(cases: Mapping[str, Case], facts: Facts, verdict: Verdict, providers: Mapping[str, Provider]) -> None:
    delivery = providers[verdict.delivery] if verdict.delivery else None
    proven: list[tuple[float, Case]] = []
    claimed: list[tuple[float, Case]] = []
    for case in cases.values():
        weight = case.platform
        if weight <= 0 or case.provider.role is _DELIVERY:
            continue
        if case.platform_proof is not None:
            # Where a tool is proven besides the house that delivers for itself, the tool is the more exact answer.
            inside = case.provider is not delivery and delivery is not None and delivery.name in case.provider.spec.through
            proven.append((weight + (100 if inside else 0), case))
        elif weight >= ENOUGH:
            claimed.append((weight, case))
    best = _best(proven)
    if best is not None and best.provider is delivery and claimed:
        # The tool is the more exact answer too where it only says that it uses this house, but then it is a claim.
        tool = _best([(w, case) for w, case in claimed if delivery.name in case.provider.spec.through and case.strong_platform])
        if tool is not None and _platform_credible(tool, delivery, facts, verdict):
            verdict.platform, verdict.platform_confidence = tool.provider.name, _LIKELY
            return
    if best is not None:
        verdict.platform, verdict.platform_confidence = best.provider.name, _CERTAIN
        if best.platform_proof is not _OBSERVED:
            # Signed mail that somebody passed on is still signed: the servers must fit too.
            fits = delivery is best.provider or (delivery is not None and delivery.name in best.provider.spec.through)
            if not fits or verdict.delivery_confidence is not _CERTAIN:
                verdict.platform_confidence = _LIKELY
        if delivery is None or delivery is best.provider or delivery.role is not _BOTH:
            return
        if delivery.name not in best.provider.spec.through and best.provider.role is _BOTH:
            verdict.conflicts.append(f"signs of {best.provider.name} in mail that {delivery.name} delivered")
            verdict.platform_confidence = _LIKELY
        return
    credible = [entry for entry in claimed if _platform_credible(entry[1], delivery, facts, verdict)]
    best = _best(credible)
    if best is not None and not (
        delivery is not None
        and delivery.role is _BOTH
        and best.provider is not delivery
        and delivery.name not in best.provider.spec.through
        and verdict.delivery_confidence is _CERTAIN
    ):
        verdict.platform = best.provider.name
        sure_enough = best.strong_platform and (delivery is not None or not _only_greeted(best, facts))
        verdict.platform_confidence = _LIKELY if sure_enough else _POSSIBLE
    elif delivery is not None and delivery.role is _BOTH:
        verdict.platform = delivery.name
        verdict.platform_confidence = verdict.delivery_confidence
    if verdict.platform == verdict.delivery and verdict.delivery_confidence is not _CERTAIN:
        verdict.platform_confidence = verdict.delivery_confidence


def _credible(case: Case, facts: Facts, verdict: Verdict) -> bool:
    """Whether unproven signs of a delivery house may name it."""
    if case.wrong_ip is not None:
        return False
    if _only_greeted(case, facts):
        verdict.conflicts.append(f"of the servers of {case.provider.name} only the client's greeting tells")
        return True
    if facts.authentication_noted and facts.relay is None and not case.vouched(facts):
        verdict.conflicts.append(
            f"headers name {case.provider.name}, but neither the connecting address nor the envelope nor a good signature does"
        )
        return False
    return True


def _only_greeted(case: Case, facts: Facts) -> bool:
    """Whether nothing but the client's greeting bears a house's signs out."""
    return facts.authentication_noted and not case.vouched(facts) and case.greeted(facts)


def _platform_credible(case: Case, delivery: Provider | None, facts: Facts, verdict: Verdict) -> bool:
    """Whether unproven signs of a tool fit what is known of the servers."""
    name, through = case.provider.name, case.provider.spec.through
    if case.wrong_ip is not None:
        return False
    if delivery is not None and delivery is not case.provider and delivery.name not in through:
        itself = case.provider.role is _BOTH
        if itself or delivery.kind in _PASSED_ON or (through and not case.vouched(facts)):
            verdict.conflicts.append(f"headers name {name}, but the mail came from {delivery.name}")
            return False
    if delivery is None and facts.authentication_noted and facts.relay is None and not _only_greeted(case, facts):
        if case.provider.role is _BOTH and not case.vouched(facts):
            return False  # `_credible` has said why
        if through and case.provider.kind is not Kind.SOFTWARE and not case.vouched(facts):
            verdict.conflicts.append(f"headers name {name}, but nothing shows the servers that it uses")
            return False
    return True


def _best(entries: Sequence[tuple[float, Case]]) -> Case | None:
    """The heaviest; of two proven the more exact (`rather_than`); None on a tie."""
    if not entries:
        return None
    if len(entries) > 1:
        names = {case.provider.name for _, case in entries}
        beaten = {other for _, case in entries for other in case.provider.spec.rather_than if other in names}
        entries = [entry for entry in entries if entry[1].provider.name not in beaten] or entries
        entries = sorted(entries, key=lambda entry: -entry[0])
        if len(entries) > 1 and entries[0][0] == entries[1][0]:
            return None
    return entries[0][1]


def _related(one: Case, other: Case) -> bool:
    return other.provider.name in one.provider.spec.rather_than or one.provider.name in other.provider.spec.rather_than


def _be_careful(cases: Mapping[str, Case], facts: Facts, verdict: Verdict, providers: Mapping[str, Provider]) -> None:
    """Lower what contradictions and detours make less sure; without a border nothing is above likely."""
    reasons = [reason for reason in (facts.relay, facts.forward_hint) if reason]
    delivery = providers[verdict.delivery] if verdict.delivery else None
    if facts.forward_subject and delivery is not None and delivery.kind is Kind.MAILBOX:
        reasons.append("the subject says that a person forwarded it")
    lower = bool(reasons) or facts.border is None
    if verdict.platform_confidence is _CERTAIN and (lower or _has_wrong_ip(cases, verdict.platform)):
        verdict.platform_confidence = _LIKELY
    if verdict.delivery_confidence is _CERTAIN and (lower or _has_wrong_ip(cases, verdict.delivery)):
        verdict.delivery_confidence = _LIKELY
    if verdict.conflicts or reasons:
        verdict.conflicts = list(dict.fromkeys(verdict.conflicts + reasons))


def _has_wrong_ip(cases: Mapping[str, Case], name: str | None) -> bool:
    case = cases.get(name) if name else None
    return case is not None and case.wrong_ip is not None
