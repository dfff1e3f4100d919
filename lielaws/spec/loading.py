"""Whatever names an architecture as text: a spec string or the path of a spec file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lielaws.errors import SpecError
from lielaws.spec.files import SUFFIXES, load
from lielaws.spec.messages import one_line
from lielaws.spec.registry import Families, build_from_mapping, build_from_tree
from lielaws.spec.strings import parse_spec

if TYPE_CHECKING:
    from lielaws.architectures.base import Architecture

_SEPARATORS = {"/", "\\", os.sep}


def load_architecture(
    spec: str | os.PathLike[str] | Mapping[str, Any], families: Families | None = None
) -> Architecture:
    """The architecture of a spec string such as `relu:3-4-3`, of the file at a path, or of the contents of one.

    Parameters
    ----------
    spec : a path object, a mapping, or a text; a text is a path if it ends in .toml, .json, .phi or .txt, or if it has
        a path separator and no ':'
    families : name -> :class:`Family`; by default those of :mod:`lielaws.spec.families`

    Raises SpecError, or a SizeError or UnsupportedError of a constructor.
    """
    if families is None:
        from lielaws.spec.families import families as all_families

        families = all_families()
    made: Architecture = _load(spec, families)
    return made


QUESTION = ("flow", "loss", "gates")
"""keys of a spec file that belong to the question, and not to the architecture"""


def load_question(spec: str | os.PathLike[str] | Mapping[str, Any]) -> tuple[Architecture, dict[str, Any]]:
    """The same, and the settings that a spec file or mapping may have beside the architecture: flow, loss and gates."""
    where = ""
    if isinstance(spec, os.PathLike) or (isinstance(spec, str) and is_path(spec)):
        where = one_line(os.fsdecode(spec), 200)
        spec = load(os.fsdecode(spec))
    if not isinstance(spec, Mapping):
        return load_architecture(spec), {}
    settings = {key: spec[key] for key in QUESTION if key in spec}
    rest = {key: value for key, value in spec.items() if key not in settings}
    from lielaws.spec.families import families

    made: Architecture = build_from_mapping(rest, families(), *([where] if where else []))
    return made, settings


def _load(spec: Any, families: Families) -> Any:
    if isinstance(spec, os.PathLike) or (isinstance(spec, str) and is_path(spec)):
        path = os.fsdecode(spec)
        return build_from_mapping(load(path), families, one_line(path, 200))
    if isinstance(spec, Mapping):
        return build_from_mapping(spec, families)
    if isinstance(spec, str):
        return build_from_tree(parse_spec(spec), families)
    raise SpecError("spec", spec, "a spec string such as 'relu:3-4-3' or the path of a spec file is needed")


def is_path(text: str) -> bool:
    """Whether a text is the path of a spec file, rather than a spec string."""
    if text.lower().endswith(SUFFIXES):
        return True
    return ":" not in text and any(separator in text for separator in _SEPARATORS)
