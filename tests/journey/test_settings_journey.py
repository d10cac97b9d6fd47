"""Gap settings of a running service are changed and taken on SIGHUP: what they decide is seen without a restart."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from tests.app.setting import eventually, metric, write_settings
from tests.cli.test_run import running
from tests.journey.mail import CAMPAIGN, Mailing
from tests.servers.dovecot import Dovecot

NAME = CAMPAIGN.domain
HOUR = timedelta(hours=1)
RELOADS = "gonequiet_config_last_reload_successful"


def test_every_way_to_bound_a_silence_is_taken_on_sighup(dovecot: Dovecot, tmp_path: Path) -> None:
    """A list that mailed every six hours for two weeks, and was silent for the last three when the service began to look."""
    now = datetime.now(UTC).replace(microsecond=0)
    last = now - 3 * HOUR
    sent = [last - k * 6 * HOUR for k in range(56)]
    user = dovecot.user()
    user.deliver_all([Mailing(NAME, at, k).raw for k, at in enumerate(sent)], each_at=sent)
    path = write_settings(tmp_path, user.settings())
    plain = path.read_text(encoding="utf-8")
    with running(path, tmp_path / "log") as (process, url):

        def series(name: str, labels: str = f'stream="{NAME}"') -> float:
            return metric(httpx.get(f"{url}/metrics", timeout=20).text, f"gonequiet_stream_{name}{{{labels}}}")

        def due() -> datetime:
            return datetime.fromtimestamp(series("alarm_due_timestamp_seconds"), UTC)

        def take(gap: str) -> None:
            path.write_text(f"{plain}\n{gap}\n", encoding="utf-8")
            os.kill(process.pid, signal.SIGHUP)

        def known() -> bool:
            return f'alarm_due_timestamp_seconds{{stream="{NAME}"}} 1' in httpx.get(f"{url}/metrics", timeout=20).text

        eventually(known, "the list is judged")
        learned = due()
        assert learned > last + 8 * HOUR
        own = f"streams: [{{name: {NAME}, domains: [{NAME}], gap: {{%s}}}}]"

        def moved(gap: str) -> datetime:
            """When the alert is due once these settings are taken."""
            before = due()
            take(gap)
            eventually(lambda: due() != before, f"{gap} moves the alert")
            return due()

        for gap, hours in ((own % "fixed: 50h", 50), (own % "floor: 200h", 200), ("gap: {ceiling: 7h}", 7)):
            assert abs(moved(gap) - last - hours * HOUR) < timedelta(minutes=1)
        pause = f"{{start: {now - HOUR:%Y-%m-%dT%H:%M:%SZ}, end: {now + 90 * HOUR:%Y-%m-%dT%H:%M:%SZ}}}"
        assert moved(f"gap: {{expected_pause: [{pause}]}}") > now + 90 * HOUR
        assert series("state", f'state="paused",stream="{NAME}"') == 1
        assert moved("gap: {false_alarms_per_sender_year: 300}") < learned
        take(own % f"fixed: {(datetime.now(UTC) - last).total_seconds() + 4:.0f}s, floor: 1m")
        eventually(lambda: series("state", f'state="silent",stream="{NAME}"') == 1, "the alert comes")
        eventually(lambda: f"No mail seen from {NAME}" in (tmp_path / "log").read_text(), "it is told")
        take(f"streams: [{{name: {NAME}, domains: [{NAME}], ignore: true}}]")
        eventually(lambda: "no longer followed" in (tmp_path / "log").read_text(), "its end is told")
