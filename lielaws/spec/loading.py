"""Whatever names an architecture as text: a spec string or the path of a spec file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from lielaws.architectures.base import Architecture
from lielaws.errors import SpecError
from lielaws.spec.files import SUFFIXES, load
from lielaws.spec.messages import one_line
from lielaws.spec.registry import build_from_mapping, build_from_tree
from lielaws.spec.strings import parse_spec

_SEPARATORS = {"/", "\\", os.sep}
QUESTION = ("flow", "loss", "gates")
"""keys of a spec file that belong to the question, and not to the architecture"""


def load_architecture(spec: str | os.PathLike[str] | Mapping[str, Any]) -> Architecture:
    """The architecture of a spec string such as `relu:3-4-3`, of the file at a path, or of the contents of one.

    spec : a path object, a mapping, or a text; a text is a path if it ends in .toml, .json, .phi or .txt, or if it has
        a path separator and no ':'

    Raises SpecError, or a SizeError or UnsupportedError of a constructor.
    """
    return _built(*_opened(spec))


def load_question(spec: str | os.PathLike[str] | Mapping[str, Any]) -> tuple[Architecture, dict[str, Any]]:
    """The same, and the settings that a spec file or mapping may have beside the architecture: flow, loss and gates."""
    found, where = _opened(spec)
    if not isinstance(found, Mapping):
        return _built(found, where), {}
    made = _built({key: value for key, value in found.items() if key not in QUESTION}, where)
    return made, {key: found[key] for key in QUESTION if key in found}


def _opened(spec: Any) -> tuple[Any, str]:
    """The spec itself, or the contents of the file that it names; and what it is called in errors."""
    if isinstance(spec, os.PathLike) or (isinstance(spec, str) and is_path(spec)):
        return load(spec), one_line(os.fsdecode(spec), 200)
    return spec, "spec"


def _built(spec: Any, where: str) -> Architecture:
    if isinstance(spec, Mapping):
        return build_from_mapping(spec, where)
    if isinstance(spec, str):
        return build_from_tree(parse_spec(spec))
    raise SpecError("spec", spec, "a spec string such as 'relu:3-4-3' or the path of a spec file is needed")


def is_path(text: str) -> bool:
    """Whether a text is the path of a spec file, rather than a spec string."""
    separated = ":" not in text and any(separator in text for separator in _SEPARATORS)
    return separated or text.lower().endswith(SUFFIXES)
