"""The webhook channel against a real HTTP server."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path
from typing import Any

import pytest

from monitor.alert.channels.webhook import WebhookChannel
from monitor.errors import ChannelError
from monitor.settings import ChannelSettings
from tests.alert.made import notice
from tests.alert.servers import http_server


def channel(url: str, **other: Any) -> WebhookChannel:
    return WebhookChannel(
        ChannelSettings.model_validate({"name": "hook", "kind": "webhook", "url": url, "timeout": "5s", **other}), url
    )


def failure(of: WebhookChannel) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        of.send(notice())
    return caught.value


def test_one_json_object_arrives_with_its_idempotency_key() -> None:
    with http_server() as hook:
        channel(f"http://127.0.0.1:{hook.port}/in?token=abc").send(notice())
    (request,) = hook.requests
    assert request.path == "/in?token=abc"
    assert request.headers["idempotency-key"] == notice().key
    assert request.headers["content-type"] == "application/json"
    assert request.body == {
        "notice": notice().key,
        "event": "opened",
        "title": notice().title,
        "text": notice().text,
        "created_at": "2021-01-08T12:00:00Z",
        "alert_id": 7,
        "alert": dict(notice().payload),
    }


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_success_is_taken(status: int) -> None:
    with http_server() as hook:
        hook.answers = [(status, {})]
        channel(f"http://127.0.0.1:{hook.port}/").send(notice())
    assert len(hook.requests) == 1


@pytest.mark.parametrize(
    ("status", "retryable"),
    [
        (500, True),
        (503, True),
        (429, True),
        (408, True),
        (401, True),
        (404, True),
        (400, False),
        (413, False),
        (422, False),
        (410, False),
    ],
)
def test_a_refusal_says_whether_a_later_try_can_help(status: int, retryable: bool) -> None:
    with http_server() as hook:
        hook.answers = [(status, {})]
        error = failure(channel(f"http://127.0.0.1:{hook.port}/secret-token"))
    assert (error.reason, error.retryable) == (f"127.0.0.1: answers {status}", retryable)


def test_a_redirect_is_not_followed() -> None:
    with http_server() as hook:
        hook.answers = [(301, {"Location": "/elsewhere"})]
        error = failure(channel(f"http://127.0.0.1:{hook.port}/here"))
    assert [r.path for r in hook.requests] == ["/here"]
    assert error.reason == "127.0.0.1: answers 301, a redirect; give the final address as url"


def test_https_is_verified(tls: ssl.SSLContext, certificate: Path) -> None:
    with http_server(tls) as hook:
        channel(f"https://127.0.0.1:{hook.port}/", ca_file=certificate).send(notice())
        error = failure(channel(f"https://127.0.0.1:{hook.port}/"))
    assert len(hook.requests) == 1
    assert "CERTIFICATE_VERIFY_FAILED" in error.reason


def test_a_slow_service_is_given_up_after_the_time_out() -> None:
    with http_server() as hook:
        hook.hold = threading.Event()
        error = failure(channel(f"http://127.0.0.1:{hook.port}/", timeout="1s"))
        hook.hold.set()
    assert error.reason == "127.0.0.1: no answer in time"


def test_nobody_there_is_said_without_the_token() -> None:
    error = failure(channel("http://127.0.0.1:9/hook/very-secret-token"))
    assert error.reason == "127.0.0.1: [Errno 111] Connection refused"
    assert error.retryable
