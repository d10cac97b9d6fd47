"""Every metric: names, labels and help in one place, read from a Snapshot at each scrape.

Base units, timestamps rather than ages, `_total` on counters (Prometheus naming practice). Labels are streams, providers,
inboxes by their settings' name, folders and closed sets; never an address or a Message-ID. What a stream or an inbox has
is there as long as it exists: a series that vanished would read as health.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from monitor.model import FailureCause, FindingKind, Level, StreamPhase
from monitor.show.snapshot import POLL_BOUNDS, STORAGE, Snapshot
from monitor.show.views import LONGEST_RETURN_PERIOD, open_alerts

POLL_RESULTS = ("ok", *(cause.value for cause in FailureCause), STORAGE)
NOTICE_RESULTS = ("sent", "retried", "failed")
CANARY_PLACES = ("inbox", "junk", "other")
CANARY_RESULTS = ("sent", "failed", *CANARY_PLACES)
UNKNOWN = "unknown"


class SnapshotCollector(Collector):
    """Feeds a registry from whatever `snapshot` returns at the scrape."""

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterable[Metric]:
        snapshot = self._snapshot()
        yield from _streams(snapshot)
        yield from _inboxes(snapshot)
        yield from _messages(snapshot)
        yield from _alerts(snapshot)
        yield from _service(snapshot)


def exposition(snapshot: Callable[[], Snapshot]) -> Callable[[str], tuple[bytes, str]]:
    """A function from an Accept header to (body, content type), with the process's own memory and CPU beside ours."""
    registry = CollectorRegistry()
    registry.register(SnapshotCollector(snapshot))
    ProcessCollector(registry=registry)

    def render(accept: str) -> tuple[bytes, str]:
        encode, content_type = choose_encoder(accept)
        return encode(registry), content_type

    return render


def _streams(snapshot: Snapshot) -> Iterator[Metric]:
    last = GaugeMetricFamily(
        "gonequiet_stream_last_send_timestamp_seconds",
        "When the stream's last send went out.",
        labels=["stream", "organisation"],
    )
    sends = CounterMetricFamily("gonequiet_stream_sends", "Sends seen, each counted once over all inboxes.", labels=["stream"])
    state = GaugeMetricFamily("gonequiet_stream_state", "1 for the state the stream is in.", labels=["stream", "state"])
    odds = GaugeMetricFamily(
        "gonequiet_stream_silence_return_period_years",
        "How rarely a silence as long as the present one is expected on this stream; 0 where that is not known.",
        labels=["stream"],
    )
    rate = GaugeMetricFamily("gonequiet_stream_expected_sends_per_day", "The stream's present rhythm.", labels=["stream"])
    due = GaugeMetricFamily(
        "gonequiet_stream_alarm_due_timestamp_seconds",
        "When an alert would open if nothing arrived until then; NaN while the rhythm is being learned.",
        labels=["stream"],
    )
    silent = GaugeMetricFamily(
        "gonequiet_provider_silent_streams", "Streams silent at this delivery provider.", labels=["delivery"]
    )
    quiet: Counter[str] = Counter()
    for s in snapshot.states:
        last.add_metric([s.stream, s.organisation], s.last_send_at.timestamp())
        sends.add_metric([s.stream], s.sends)
        for phase in StreamPhase:
            state.add_metric([s.stream, phase.value], s.phase is phase)
        years = 0.0 if math.isnan(s.return_period_years) else min(s.return_period_years, LONGEST_RETURN_PERIOD)
        odds.add_metric([s.stream], years)
        rate.add_metric([s.stream], s.expected_sends_per_day)
        due.add_metric([s.stream], _timestamp(s.alarm_due_at, never=math.nan))
        provider = snapshot.providers.get(s.stream)
        quiet[(provider.delivery if provider else None) or UNKNOWN] += s.phase is StreamPhase.SILENT
    for delivery, number in sorted(quiet.items()):
        silent.add_metric([delivery], number)
    yield from (last, sends, state, odds, rate, due, silent)
    copies = CounterMetricFamily(
        "gonequiet_stream_copies",
        "Copies received, by delivery provider and by the folder role they were put into.",
        labels=["stream", "delivery", "placement"],
    )
    for labels, number in snapshot.copies.items():
        copies.add_metric(list(labels), number)
    yield copies


def _inboxes(snapshot: Snapshot) -> Iterator[Metric]:
    proven = GaugeMetricFamily(
        "gonequiet_folder_proven_timestamp_seconds",
        "When the folder was last proven readable; 0: never.",
        labels=["inbox", "folder"],
    )
    blind = GaugeMetricFamily(
        "gonequiet_inbox_blind",
        "1 once not all folders of the seed inbox could be read for an hour, or for three of the longest poll intervals where "
        "that is longer; also before the first poll that works.",
        labels=["inbox"],
    )
    polls = CounterMetricFamily("gonequiet_polls", "Polls by how they ended.", labels=["inbox", "result"])
    yield from _canaries(snapshot)
    for inbox in snapshot.inboxes:
        blind.add_metric([inbox.inbox], inbox.blind)
        for folder in inbox.folders:
            proven.add_metric([inbox.inbox, folder.folder], _timestamp(folder.proven_at, never=0))
        for result in POLL_RESULTS:
            polls.add_metric([inbox.inbox, result], snapshot.polls.get((inbox.inbox, result), 0))
    took = HistogramMetricFamily("gonequiet_poll_duration_seconds", "How long a poll of one inbox took.")
    bounds = [*(str(bound) for bound in POLL_BOUNDS), "+Inf"]
    took.add_metric([], list(zip(bounds, accumulate(snapshot.durations.counts), strict=True)), snapshot.durations.seconds)
    missed = CounterMetricFamily("gonequiet_scheduler_missed", "Runs that the scheduler dropped or delayed.")
    missed.add_metric([], snapshot.missed)
    late = CounterMetricFamily("gonequiet_polls_late", "Polls that began more than ten seconds after they were due.")
    late.add_metric([], snapshot.late)
    yield from (proven, blind, polls, took, missed, late)


def _canaries(snapshot: Snapshot) -> Iterator[Metric]:
    """Of the inboxes that canary mail is sent to; delays by who runs the mailbox."""
    total = CounterMetricFamily(
        "gonequiet_canaries", "Canary mails: tries to send one, and where those that arrived lay.", labels=["inbox", "result"]
    )
    arrived = GaugeMetricFamily(
        "gonequiet_canary_arrived_timestamp_seconds", "When the last canary mail arrived; 0: none ever did.", labels=["inbox"]
    )
    delay = SummaryMetricFamily(
        "gonequiet_canary_delay_seconds", "From sending a canary mail to its delivery.", labels=["receiver"]
    )
    unreached = GaugeMetricFamily(
        "gonequiet_inbox_unreached", "1 while the inbox can be read and canary mail does not arrive.", labels=["inbox"]
    )
    numbers: Counter[str] = Counter()
    seconds: defaultdict[str, float] = defaultdict(float)
    for inbox in snapshot.inboxes:
        if (canary := inbox.canary) is None:
            continue
        for result in CANARY_RESULTS:
            total.add_metric([inbox.inbox, result], canary.totals.get(result, 0))
        arrived.add_metric([inbox.inbox], _timestamp(canary.arrived_at, never=0))
        unreached.add_metric([inbox.inbox], inbox.unreached)
        receiver = inbox.receiver or UNKNOWN
        numbers[receiver] += sum(canary.totals.get(place, 0) for place in CANARY_PLACES)
        seconds[receiver] += canary.delay_total.total_seconds()
    for receiver in sorted(numbers):
        delay.add_metric([receiver], count_value=numbers[receiver], sum_value=seconds[receiver])
    yield from (total, arrived, delay, unreached)


def _messages(snapshot: Snapshot) -> Iterator[Metric]:
    problems = CounterMetricFamily(
        "gonequiet_messages_problem", "Messages kept with an oddity, by what is odd.", labels=["problem"]
    )
    for problem, number in snapshot.problems.items():
        problems.add_metric([problem], number)
    identified = CounterMetricFamily(
        "gonequiet_identified", "Messages by delivery provider and how sure that is.", labels=["delivery", "confidence"]
    )
    for labels, number in snapshot.identified.items():
        identified.add_metric(list(labels), number)
    yield from (problems, identified)


def _alerts(snapshot: Snapshot) -> Iterator[Metric]:
    open_now = Counter((shown.alert.kind, shown.alert.level) for shown in open_alerts(snapshot))
    gauge = GaugeMetricFamily("gonequiet_alerts_open", "Alerts that are open or acknowledged.", labels=["kind", "level"])
    for kind in FindingKind:
        for level in Level:
            gauge.add_metric([kind.value, level.word], open_now[kind, level])
    events = CounterMetricFamily("gonequiet_alerts", "What happened to alerts.", labels=["kind", "event"])
    for labels, number in snapshot.alert_events.items():
        events.add_metric(list(labels), number)
    notices = CounterMetricFamily("gonequiet_notices", "Notices by channel and how they fared.", labels=["channel", "result"])
    for channel in sorted({channel for channel, _ in snapshot.notices}):
        for result in NOTICE_RESULTS:
            notices.add_metric([channel, result], snapshot.notices.get((channel, result), 0))
    yield from (gauge, events, notices)


def _service(snapshot: Snapshot) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "gonequiet_config_last_reload_successful",
        "0 while old settings are kept because new ones are faulty.",
        value=snapshot.reload_ok,
    )
    yield GaugeMetricFamily(
        "gonequiet_heartbeat_timestamp_seconds", "When the scheduler last ticked.", value=snapshot.heartbeat_at.timestamp()
    )
    build = GaugeMetricFamily("gonequiet_build_info", "1, labelled with the version that runs.", labels=["version"])
    build.add_metric([snapshot.version], 1)
    yield build


def _timestamp(moment: datetime | None, *, never: float) -> float:
    return never if moment is None else moment.timestamp()
