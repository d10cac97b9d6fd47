"""GoneQuiet: notices when an e-mail campaign stops mailing, says through whose infrastructure it came, and shows its evidence."""


def __getattr__(name: str) -> str:
    """`__version__`, looked up where it is asked for: that takes longer than the interpreter's own start (see `__main__.py`)."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version

    globals()[name] = found = version("gonequiet")
    return found
