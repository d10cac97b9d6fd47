"""The whole way, with real servers and a clock that the test moves."""
