"""Detect: from history and coverage to findings. All pure."""
