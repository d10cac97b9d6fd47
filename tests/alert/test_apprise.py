"""The Apprise channel with Apprise's own json:// service against a real HTTP server."""

from __future__ import annotations

import pytest

from monitor.alert.channels.apprise import AppriseChannel, is_known, without_parts_of
from monitor.errors import ChannelError
from monitor.model import AlertEventKind
from monitor.settings import ChannelSettings
from tests.alert.made import notice
from tests.alert.servers import http_server


def channel(url: str) -> AppriseChannel:
    return AppriseChannel(ChannelSettings.model_validate({"name": "chat", "kind": "apprise", "url": url}), url)


@pytest.mark.parametrize(
    ("event", "kind"), [(AlertEventKind.OPENED, "warning"), (AlertEventKind.RESOLVED, "success"), (AlertEventKind.TEST, "info")]
)
def test_title_and_text_arrive_with_the_start_of_the_key(event: AlertEventKind, kind: str) -> None:
    with http_server() as hook:
        channel(f"json://127.0.0.1:{hook.port}/in").send(notice(event=event))
    (request,) = hook.requests
    assert request.body["title"] == notice().title
    assert request.body["message"].startswith("We have seen no mail from news.example.org since")
    assert request.body["message"].rstrip().endswith(f"Notice {notice().key[:12]}")
    assert request.body["type"] == kind


def test_a_refusal_says_why_and_keeps_the_urls_secrets() -> None:
    with http_server() as hook:
        hook.answers = [(500, {})]
        with pytest.raises(ChannelError) as caught:
            channel(f"json://someuser:hunter222@127.0.0.1:{hook.port}/token-9876").send(notice())
    assert "500" in caught.value.reason
    assert caught.value.retryable
    assert not any(secret in str(caught.value) for secret in ("hunter222", "token-9876", "someuser"))


def test_what_is_no_apprise_url_is_given_up_at_once() -> None:
    with pytest.raises(ChannelError, match="expected an Apprise URL") as caught:
        channel("nosuchservice://very-secret").send(notice())
    assert not caught.value.retryable
    assert "very-secret" not in str(caught.value)


def test_every_part_of_a_url_that_could_be_a_secret_is_taken_out() -> None:
    said = without_parts_of(
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general", "no T1JJ3T3L2 or TIiajkdnlazkcOXrIdevi7FQ here"
    )
    assert said == "no *** or *** here"


@pytest.mark.parametrize(("url", "known"), [("ntfys://ntfy.sh/topic", True), ("nope://x", False), ("slack://x", False)])
def test_whether_apprise_knows_an_address_can_be_asked(url: str, known: bool) -> None:
    assert is_known(url) == known
