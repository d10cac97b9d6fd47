"""Benchmarks: how fast, and how well a promise is kept. None of them is a test that can fail."""
