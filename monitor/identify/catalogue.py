"""Show what can be identified: all providers in a row each, or one signature with its sources."""

from __future__ import annotations

from monitor.identify.signatures import Provider, Seen, SignatureSet

_SEEN = {
    Seen.REAL: "seen in real messages",
    Seen.QUOTED: "quoted in public text, no whole message seen",
    Seen.FORGED: "only copies in forged messages were seen",
    Seen.NONE: "no example was seen",
}


def find_providers(signatures: SignatureSet, name: str | None = None) -> list[Provider]:
    """All providers by name, or those whose name, former name or alias holds `name` (any case); [] for none."""
    wanted = (name or "").lower()
    found = [
        provider
        for provider in signatures.providers.values()
        if any(wanted in text.lower() for text in (provider.name, *provider.aliases))
    ]
    exact = [provider for provider in found if wanted in (text.lower() for text in (provider.name, *provider.aliases))]
    return sorted(exact or found, key=lambda provider: provider.name.lower())


def provider_row(provider: Provider) -> tuple[str, str, str, str, str]:
    """Name, role, company, other names, how far it was seen: one line of `gonequiet providers`."""
    return (
        provider.name,
        provider.role.value,
        provider.spec.company or "",
        ", ".join(provider.aliases),
        provider.spec.seen.value,
    )


def provider_json(provider: Provider) -> dict[str, object]:
    """One provider with all its signals, for `gonequiet providers --json`."""
    return {"file": provider.file, "label": provider.label} | provider.spec.model_dump(mode="json")


def describe(provider: Provider) -> str:
    """One provider in words: names, what it does, signals with their weight, sources with their date."""
    spec = provider.spec
    lines = [provider.label, f"  {spec.role.value}, {spec.kind.value}; {_SEEN[spec.seen]}; file {provider.file}"]
    if spec.aliases:
        lines.append(f"  also: {', '.join(spec.aliases)}")
    if spec.through:
        lines.append(f"  sends through: {', '.join(spec.through)}")
    if spec.notes:
        lines.append(f"  {spec.notes}")
    for signal in provider.signals:
        value = signal.value if len(signal.value) <= 90 else signal.value[:89] + "…"
        proof = ", proof" if signal.proof else ""
        lines.append(
            f"  {signal.label}: {signal.field} {signal.way} {value}  → {signal.says.value}, weight {signal.weight:g}{proof}"
        )
    for rule in spec.accounts:
        lines.append(f"  account {rule.kind}: {rule.field} {rule.regex}")
    for source in spec.sources:
        lines.append(f"  source: {source.what} (read {source.read.isoformat()})")
    return "\n".join(lines)
