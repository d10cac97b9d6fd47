"""A message belongs to the stream of its From domain, unless settings, a list manager or a shared domain say otherwise."""

from __future__ import annotations

import pytest

from monitor.collect.parse import parse_message
from monitor.identify.send_key import normalised_subject, send_fingerprints
from monitor.identify.stream import is_followed, registrable_domain, stream_of
from monitor.model import StreamKey
from monitor.settings import OrganisationSettings, StreamSettings
from tests.identify.shipped_knowledge import identifier, real

MANAGED = "X-Mailman-Version: 2.1.29\nList-Id: Talk <talk.lists.example.org>\n"


def key_of(author: str, fields: str = "", streams: list[StreamSettings] | None = None) -> StreamKey | None:
    organisations = [OrganisationSettings(name="Joint committee", domains=("donaldtrump.com", "campaigns.rnchq.com"))]
    return stream_of(parse_message(f"From: {author}\n{fields}\n".encode()), streams or [], organisations)


@pytest.mark.parametrize(
    ("author", "fields", "key"),
    [
        ("contact@victory.donaldtrump.com", "", StreamKey("victory.donaldtrump.com", "Joint committee")),
        ("info@campaigns.rnchq.com", "", StreamKey("campaigns.rnchq.com", "Joint committee")),
        ("info@action.example.co.uk", "", StreamKey("action.example.co.uk", "example.co.uk")),
        ("One@GMAIL.com", "", StreamKey("one@gmail.com", "one@gmail.com")),
        ("NC13@mail.house.gov", "", StreamKey("nc13@mail.house.gov", "nc13@mail.house.gov")),
        ("one@example.org", MANAGED, StreamKey("talk.lists.example.org", "example.org")),
        ("one@example.org", "List-Id: <12345.xt.local>\n", StreamKey("example.org", "example.org")),
        ("nobody", "", None),
    ],
)
def test_streams(author: str, fields: str, key: StreamKey | None) -> None:
    assert key_of(author, fields) == key


def test_settings_merge_split_and_ignore() -> None:
    streams = [
        StreamSettings(name="everything", domains=("example.org",), organisation="Example"),
        StreamSettings(name="news", domains=("news.example.org",)),
        StreamSettings(name="one", addresses=("One@example.org",)),
        StreamSettings(name="list", list_ids=("<talk.lists.example.org>",)),
        StreamSettings(name="noise", domains=("noise.example",), ignore=True),
    ]
    assert key_of("two@mail.example.org", "", streams) == StreamKey("everything", "Example")
    assert key_of("two@news.example.org", "", streams) == StreamKey("news", "example.org")
    assert key_of("one@example.org", "", streams) == StreamKey("one", "example.org")
    assert key_of("two@other.example", "List-Id: <talk.lists.example.org>\n", streams) == StreamKey("list", "other.example")
    assert key_of("a@noise.example", "", streams) is None


def test_registrable_domains() -> None:
    assert registrable_domain("victory.donaldtrump.com") == "donaldtrump.com"
    assert registrable_domain("co.uk") == "co.uk"


def test_copies_of_one_send_share_their_fingerprints() -> None:
    one, two = (parse_message(real("exacttarget").replace("reader@", f"{reader}@").encode()) for reader in ("ann", "bob"))
    prints = [send_fingerprints(message, identifier().identify(message)) for message in (one, two)]
    assert prints[0] == prints[1]
    assert prints[0][0] == "job:Salesforce Marketing Cloud:4035811:1062583"
    assert prints[0][1] == "subject:action required"


def test_a_message_with_nothing_to_go_by_has_no_fingerprint() -> None:
    message = parse_message(b"From: a@example.org\n\n")
    assert send_fingerprints(message, identifier().identify(message)) == ()


@pytest.mark.parametrize(("subject", "same"), [(" Re: FWD: We  have\tthe TRUTH ", "we have the truth"), ("Re:", "re:"), ("", "")])
def test_subjects_are_compared_without_prefix_case_and_blanks(subject: str, same: str) -> None:
    assert normalised_subject(subject) == same.removeprefix("re:")


@pytest.mark.parametrize(
    ("stream", "followed"),
    [
        ("noise", False),  # its name
        ("noise.example", False),
        ("mail.noise.example", False),  # a domain stands for those below it
        ("one@noise.example", False),
        ("loud@gmail.com", False),
        ("quiet@gmail.com", True),
        ("talk.lists.example.org", False),
        ("news.example", False),  # its mail is that of `kept` now
        ("kept", True),
    ],
)
def test_a_stream_of_stored_mail_is_left_by_its_name_its_domain_its_address_or_its_list(stream: str, followed: bool) -> None:
    streams = [
        StreamSettings(
            name="noise",
            domains=("noise.example",),
            addresses=("loud@gmail.com",),
            list_ids=("talk.lists.example.org",),
            ignore=True,
        ),
        StreamSettings(name="kept", domains=("news.example",)),
    ]
    assert is_followed(stream, streams) == followed
