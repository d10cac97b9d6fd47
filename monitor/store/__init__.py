"""Store: what was seen, kept so that a kill at any instant loses nothing."""
