"""Faces: what `Store` can do, by topic. Each opens a transaction, and lets the functions of its topic read or write in it."""
