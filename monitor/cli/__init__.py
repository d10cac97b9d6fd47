"""The command line: verbs, one file a topic. `main` is the console script `gonequiet`."""

from monitor.cli.root import main

__all__ = ["main"]
