"""What all models of the settings stand on: strict keys, and paths that are meant from the settings file's folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def _located(value: Path, info: ValidationInfo) -> Path:
    """A relative path is meant from the settings file's folder, wherever the program was started."""
    folder = (info.context or {}).get("folder")
    return value if folder is None else Path(os.path.normpath(folder / value.expanduser()))


LocatedPath = Annotated[Path, AfterValidator(_located)]
