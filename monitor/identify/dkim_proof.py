"""What our own DKIM verification says: which signatures count as good, and what to note where the receiver noted nothing."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.model import DkimProof


def good_signatures(proofs: Sequence[DkimProof]) -> frozenset[tuple[str, str]]:
    """The (SDID, selector) of which every signature was good: a bad one beside it could cover other fields in its name."""
    bad = {(proof.sdid, proof.selector) for proof in proofs if proof.result != "pass"}
    return frozenset((proof.sdid, proof.selector) for proof in proofs) - bad


def with_own_check(noted: tuple[tuple[str, str], ...], proofs: Sequence[DkimProof]) -> tuple[tuple[str, str], ...]:
    """The receiver's results, and for DKIM ours where it noted none. Without an answer of DNS we say nothing either."""
    results = [proof.result for proof in proofs if proof.result != "temperror"]
    if not results or any(method == "dkim" for method, _ in noted):
        return noted
    return (*noted, ("dkim", "pass" if "pass" in results else results[0]))
