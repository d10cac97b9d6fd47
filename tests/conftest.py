"""Fixtures for all tests: each real server has a module of its own in tests/servers."""

pytest_plugins = [
    "tests.servers.alertmanager",
    "tests.servers.browser",
    "tests.servers.dovecot",
    "tests.servers.oauth",
    "tests.servers.pages",
    "tests.servers.postgres",
    "tests.servers.prometheus",
]
