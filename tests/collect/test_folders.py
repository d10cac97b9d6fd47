"""Folders: which can hold list mail, and what each is for."""

from __future__ import annotations

import pytest

from monitor.collect.folders import Folder, role_of, which_folders

GMAIL = [
    ((b"\\HasNoChildren",), "/", "INBOX"),
    ((b"\\HasChildren", b"\\Noselect"), "/", "[Gmail]"),
    ((b"\\All", b"\\HasNoChildren"), "/", "[Gmail]/All Mail"),
    ((b"\\Drafts",), "/", "[Gmail]/Drafts"),
    ((b"\\HasNoChildren", b"\\Important"), "/", "[Gmail]/Important"),
    ((b"\\Sent",), "/", "[Gmail]/Sent Mail"),
    ((b"\\HasNoChildren", b"\\Junk"), "/", "[Gmail]/Spam"),
    ((b"\\Flagged",), "/", "[Gmail]/Starred"),
    ((b"\\Trash",), "/", "[Gmail]/Trash"),
    ((b"\\HasNoChildren",), "/", "News/Weekly"),
]


@pytest.mark.parametrize(
    ("name", "flags", "role"),
    [
        ("inbox", (), "INBOX"),
        ("Spamverdacht", (b"\\Junk",), "JUNK"),
        ("Junk E-mail", (), "JUNK"),
        ("INBOX.Spam", (), "JUNK"),
        ("Folders/Bulk Mail", (), "JUNK"),
        ("Promotions", (), "TAB:promotions"),
        ("Deleted Items", (), "TRASH"),
        ("Papierkorb", (b"\\Trash",), "TRASH"),
        ("Old", (b"\\Archive",), "ARCHIVE"),
        ("Everything", (b"\\All",), "ALL"),
        ("Newsletters", (), "OTHER"),
        ("Sent Items", (), None),
        ("Gesendet", (b"\\Sent",), None),
        ("Shared", (b"\\Noselect",), None),
        ("Gone", (b"\\NonExistent",), None),
    ],
)
def test_special_use_says_what_a_folder_is_for_and_the_usual_names_do_without_it(
    name: str, flags: tuple[bytes, ...], role: str | None
) -> None:
    assert role_of(name, flags, "." if name.startswith("INBOX.") else "/") == role


def test_of_gmail_all_folders_are_read_that_list_mail_reaches_but_not_all_mail_or_trash() -> None:
    assert which_folders(GMAIL, None) == [
        Folder("INBOX", "INBOX"),
        Folder("[Gmail]/Spam", "JUNK"),
        Folder("News/Weekly", "OTHER"),
    ]


def test_the_settings_choose_folders_by_name() -> None:
    assert which_folders(GMAIL, ("[Gmail]/All Mail", "inbox", "Nowhere")) == [
        Folder("INBOX", "INBOX"),
        Folder("[Gmail]/All Mail", "ALL"),
    ]
