"""The embedded demo: January 2021 replayed through the whole product."""
