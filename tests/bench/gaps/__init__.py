"""How early and how rarely falsely a stop is told: ours beside textbook rules and beside the best that is possible."""
