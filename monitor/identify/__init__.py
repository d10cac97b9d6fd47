"""Identify: whose infrastructure sent a message, with its evidence. All pure."""
