"""Collect: from a seed inbox to raw messages, and the proof of what could be seen."""
