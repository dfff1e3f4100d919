"""What a sweep may name as an architecture: spec strings, mappings, spec files, and Architecture objects."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lielaws.errors import LieLawsError
from lielaws.sweeps.places import Spot
from lielaws.sweeps.settings import read_choice


def spec_entries(value: Any, spot: Spot, folder: Path | None = None) -> tuple[Any, dict[str, Any]]:
    """A spec, possibly with holes, and the settings that a spec file or mapping has beside it. Raises SpecError.

    Parameters
    ----------
    value : spec string, mapping, path of a spec file, or Architecture
    folder : where relative paths start
    """
    from lielaws.architectures.base import Architecture
    from lielaws.spec import load
    from lielaws.spec.registry import QUESTION, is_path

    if isinstance(value, Architecture):
        if value.spec is None:
            remedy = "its function cannot be written down; give a spec, for instance of family 'network'"
            raise spot.error(value.name, remedy)
        return dict(value.spec), {}
    if isinstance(value, os.PathLike) or (isinstance(value, str) and is_path(value)):
        try:
            value = load((folder or Path()) / value)
        except LieLawsError as error:
            spot.relocate(error)
    if isinstance(value, Mapping):
        if "family" not in value:
            raise spot.error(value, "a table with a key 'family' is needed")
        rest = {name: entry for name, entry in value.items() if name not in QUESTION}
        settings = {name: value[name] for name in QUESTION if name in value}
        if "flow" in settings:
            settings["flow"] = read_choice(settings["flow"], spot)
        return rest, settings
    if isinstance(value, str):
        return value, {}
    raise spot.error(value, "a spec such as 'relu:3-4-3', a table, or the path of a spec file is needed")
