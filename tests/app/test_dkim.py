"""Mail that comes in is verified while it is fresh; the proof stays with it, also when it is read again later."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from monitor.app.dkim import verifier
from monitor.app.ingest import Reader
from monitor.app.knowledge import load_identifier
from monitor.app.rebuilding import rebuild
from monitor.app.session import open_session
from monitor.model import RawMessage
from monitor.store.store import Store
from tests.app.test_changes import FIRST, mail, settings_with
from tests.identify.test_dkim_check import dns, keys, no_answer, signed


def incoming() -> RawMessage:
    return replace(mail(1, FIRST), raw=signed())


def test_a_fresh_message_is_verified_and_its_key_kept() -> None:
    (proof,) = verifier(dns)(incoming())
    assert (proof.sdid, proof.selector, proof.result, proof.key) == ("example.org", "s1", "pass", keys()[1])
    assert proof.checked_at == incoming().seen_at


def test_old_and_truncated_mail_is_not_verified() -> None:
    old = replace(incoming(), seen_at=incoming().delivered_at + timedelta(days=30))
    assert verifier(dns)(old) == ()
    assert verifier(dns)(replace(incoming(), truncated=True)) == ()


def test_signatures_behind_many_others_get_no_credit() -> None:
    other = b"DKIM-Signature: v=1; a=rsa-sha256; d=other.example; s=x; h=from; bh=AAAA; b=AAAA\r\n"
    assert verifier(dns)(replace(incoming(), raw=other + signed())) != ()
    assert verifier(dns)(replace(incoming(), raw=4 * other + signed())) == ()


def test_the_proof_outlives_the_key_in_dns(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    identifier = load_identifier(settings)
    with Store.open(settings.database_url, settings.originals_dir) as store:
        store.save_imported([Reader(identifier, settings, verifier(dns)).read_one(incoming())])
        known = store.last_identification("example.org")
        assert known is not None
        assert [proof.result for proof in known.identification.dkim] == ["pass"]
        assert known.identification.authentication == (("dkim", "pass"),)
        rebuild(store, Reader(identifier, settings, verifier(no_answer)), lambda done, total: None)
        assert store.last_identification("example.org") == known


def test_mail_that_is_polled_is_verified_unless_the_settings_say_off(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    with open_session(settings) as session:
        assert session.receiver.verify is not None
        assert session.reader.verify is None
    off = settings.model_copy(update={"collect": settings.collect.model_copy(update={"verify_dkim": "off"})})
    with open_session(off) as session:
        assert session.receiver.verify is None
