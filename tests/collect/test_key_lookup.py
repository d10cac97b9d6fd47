"""Public keys out of DNS, from a small server of our own on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from monitor.collect.key_lookup import DnsKeys

KEY = "v=DKIM1; k=rsa; p=" + "A" * 300


class Server:
    """Answers TXT questions from `records`; a name that is not there does not exist, `silent.` is left without an answer."""

    def __init__(self) -> None:
        self.records = {"s1._domainkey.example.org.": ["unrelated text", KEY], "empty.example.org.": ["nothing"]}
        self.asked: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def resolver(self) -> dns.resolver.Resolver:
        made = dns.resolver.Resolver(configure=False)
        made.nameservers, made.port = ["127.0.0.1"], self._socket.getsockname()[1]
        made.timeout = 0.2
        return made

    def close(self) -> None:
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            packet, address = self._socket.recvfrom(4096)
            if not packet:
                return
            query = dns.message.from_wire(packet)
            name = query.question[0].name.to_text().lower()
            self.asked.append(name)
            if name.startswith("silent."):
                continue
            answer = dns.message.make_response(query)
            texts = self.records.get(name)
            if texts is None:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            else:
                parts = [" ".join(f'"{text[at : at + 250]}"' for at in range(0, len(text), 250)) for text in texts]
                answer.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "TXT", *parts))
            self._socket.sendto(answer.to_wire(), address)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def test_a_key_in_several_parts_is_joined_and_asked_for_once(server: Server) -> None:
    keys = DnsKeys(server.resolver())
    assert keys("s1._domainkey.example.org") == KEY
    assert keys("s1._domainkey.example.org") == KEY
    assert len(server.asked) == 1


def test_a_name_without_a_key_is_none(server: Server) -> None:
    keys = DnsKeys(server.resolver())
    assert keys("gone._domainkey.example.org") is None
    assert keys("empty.example.org") is None


@pytest.mark.parametrize(
    "name", ["", "a..b", "x" * 64 + ".example", ".".join(["long"] * 60), "\udcff.example", "a b\x00.example"]
)
def test_a_name_that_cannot_be_has_no_key(server: Server, name: str) -> None:
    assert DnsKeys(server.resolver())(name) is None


def test_after_silence_it_does_not_wait_for_every_other_name(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.collect.key_lookup.PATIENCE", 0.5)
    keys = DnsKeys(server.resolver())
    with pytest.raises(OSError, match="no answer"):
        keys("silent.example.org")
    asked = len(server.asked)
    with pytest.raises(OSError, match="a moment ago"):
        keys("s1._domainkey.example.org")
    assert len(server.asked) == asked
