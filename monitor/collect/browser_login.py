"""Browser login: the owner says yes in a browser on this machine, which brings us a code (RFC 6749 §4.1, 8252, 7636)."""

from __future__ import annotations

import base64
import hashlib
import queue
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from monitor.collect.oauth import AuthorizationServer
from monitor.collect.tokens import Tokens, must_log_in
from monitor.errors import InboxError
from monitor.model import FailureCause

LOOPBACK = "127.0.0.1"
DONE = "GoneQuiet has what it needs. You can close this window; the terminal says how it went on."
REFUSED = "The login was not allowed. You can close this window; the terminal says more."
STRANGE = "This is not the answer to the login that GoneQuiet waits for. Open the address that the terminal shows."


def log_in_by_browser(server: AuthorizationServer, show: Callable[[str], None], *, port: int = 0, within: float = 600) -> Tokens:
    """Show an address to open and wait for the browser to come back, `within` seconds. `port` 0: any that is free.

    InboxError where the owner says no, or never comes. An answer whose `state` is not ours is refused, and the waiting goes
    on: any page could send a browser here (RFC 6749 §10.12).
    """
    endpoints = server.endpoints
    if endpoints.authorize is None:
        raise InboxError(
            server.inbox, "there is no `authorize_url` to log in with a browser; use --device", cause=FailureCause.SETTINGS
        )
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
    with _listening(server.inbox, port, state) as (taken, answers):
        redirect_uri = f"http://{endpoints.redirect_host}:{taken}/"
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": server.settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(endpoints.scopes),
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **dict(endpoints.extra),
        }
        show(f"{endpoints.authorize}{'&' if '?' in endpoints.authorize else '?'}{urlencode(asked)}")
        try:
            answer = answers.get(timeout=within)
        except queue.Empty:
            raise must_log_in(server.inbox, "no browser came back in time") from None
        if (code := answer.get("code")) is None:
            raise server.refused(answer.get("error"))
        return server.redeem(code, verifier, redirect_uri)


@contextmanager
def _listening(inbox: str, port: int, state: str) -> Iterator[tuple[int, queue.SimpleQueue[dict[str, str]]]]:
    """A web server on loopback for one answer: its port, and where the answer comes out."""
    answers: queue.SimpleQueue[dict[str, str]] = queue.SimpleQueue()

    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # a browser may open connections and say nothing

        def do_GET(self) -> None:
            answer = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            ours = secrets.compare_digest(answer.get("state", "").encode(), state.encode())
            fits = ours and ("code" in answer or "error" in answer)
            if fits:
                answers.put(answer)
            text = (STRANGE if not fits else DONE if "code" in answer else REFUSED).encode()
            self.send_response(200 if fits else 400)
            headers = {"Content-Type": "text/plain; charset=utf-8", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
            for name, value in {**headers, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Nothing: the address holds the code."""

    try:
        web = ThreadingHTTPServer((LOOPBACK, port), Handler)
    except OSError as error:
        reason = f"port {port} for the browser's answer is not free ({error.strerror}); name another with --port"
        raise InboxError(inbox, reason, cause=FailureCause.SETTINGS) from error
    web.daemon_threads = True
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.05}, name="browser-login", daemon=True)
    thread.start()
    try:
        yield web.server_address[1], answers
    finally:
        web.shutdown()
        web.server_close()
        thread.join()
