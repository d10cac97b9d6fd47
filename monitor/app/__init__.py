"""App: the only place that knows the whole line from seed inbox to page."""
