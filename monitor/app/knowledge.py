"""Load what is known about providers and receivers: the shipped files, then the user's own beside the settings."""

from __future__ import annotations

from importlib.resources.abc import Traversable
from pathlib import Path

from monitor.app.garbage import look_seldom
from monitor.identify.match import Identifier
from monitor.identify.receivers import load_receivers
from monitor.identify.signatures import SignatureSet, load_signatures
from monitor.settings import Settings
from monitor.shipped import shipped


def load_provider_files(settings: Settings | None = None) -> SignatureSet:
    """All signature files; without settings the shipped ones. SettingsError names file and line."""
    return load_signatures(_folders("providers", settings.providers_dir if settings else None))


def load_identifier(settings: Settings | None = None) -> Identifier:
    """An identifier on all signature and receiver files; without settings on the shipped ones.

    Whoever loads one reads mail with it, so this process looks for garbage seldom from here on.
    """
    look_seldom()
    receivers = load_receivers(_folders("receivers", settings.receivers_dir if settings else None))
    return Identifier(load_provider_files(settings), receivers)


def _folders(kind: str, own: Path | None) -> list[Traversable]:
    folders: list[Traversable] = [shipped(f"config/{kind}")]
    if own is not None and own.is_dir() and own.resolve() != Path(str(folders[0])).resolve():
        folders.append(own)
    return folders
