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


def load_architecture(spec: str | os.PathLike[str] | Mapping[str, Any]) -> Architecture:
    """The architecture of a spec string such as `relu:3-4-3`, of the file at a path, or of the contents of one.

    spec : a path object, a mapping, or a text; a text is a path if it ends in .toml, .json, .phi or .txt, or if it has
        a path separator and no ':'

    Raises SpecError, or a SizeError or UnsupportedError of a constructor.
    """
    return _built(*_opened(spec))


QUESTION = ("flow", "loss", "gates")
"""keys of a spec file that belong to the question, and not to the architecture"""


def load_question(spec: str | os.PathLike[str] | Mapping[str, Any]) -> tuple[Architecture, dict[str, Any]]:
    """The same, and the settings that a spec file or mapping may have beside the architecture: flow, loss and gates."""
    spec, where = _opened(spec)
    if not isinstance(spec, Mapping):
        return _built(spec, where), {}
    made = _built({key: value for key, value in spec.items() if key not in QUESTION}, where)
    return made, {key: spec[key] for key in QUESTION if key in spec}


def _built(spec: Any, where: str) -> Architecture:
    made: Architecture
    if isinstance(spec, Mapping):
        made = build_from_mapping(spec, where)
    elif isinstance(spec, str):
        made = build_from_tree(parse_spec(spec))
    else:
        raise SpecError("spec", spec, "a spec string such as 'relu:3-4-3' or the path of a spec file is needed")
    return made


def _opened(spec: Any) -> tuple[Any, str]:
    """The spec itself, or the contents of the file that it names; and what it is called in errors."""
    if isinstance(spec, os.PathLike) or (isinstance(spec, str) and is_path(spec)):
        path = os.fsdecode(spec)
        return load(path), one_line(path, 200)
    return spec, "spec"


def is_path(text: str) -> bool:
    """Whether a text is the path of a spec file, rather than a spec string."""
    if text.lower().endswith(SUFFIXES):
        return True
    return ":" not in text and any(separator in text for separator in _SEPARATORS)
