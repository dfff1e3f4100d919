"""How whatever names an architecture becomes a call of the constructor of its family: texts, mappings, files."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from lielaws.architectures.base import Architecture
from lielaws.errors import LieLawsError, SpecError
from lielaws.spec.families import Family, families
from lielaws.spec.files import SUFFIXES, check_nesting, load
from lielaws.spec.kinds import CONVERTERS, to_expressions
from lielaws.spec.language import Expression
from lielaws.spec.messages import Place, did_you_mean, listing, one_line, quoted
from lielaws.spec.strings import SpecTree, parse_spec

_NUMBERED = re.compile(r"(.*[^0-9])[1-9][0-9]{0,8}")
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


def build_from_tree(tree: SpecTree) -> Architecture:
    """The architecture of a spec string. Raises SpecError, or a SizeError or UnsupportedError of the constructor."""
    place = Place(f"spec {quoted(tree)}")
    return _construct(_find(tree.family, place), tree.family, keywords_of(tree), place)


def keywords_of(tree: SpecTree) -> dict[str, Any]:
    """The values of a spec string by keyword, as a spec file has them beside `family`. Raises SpecError."""
    place = Place(f"spec {quoted(tree)}")
    family = _find(tree.family, place)
    names = family.sizes_argument
    if names is None:
        raise place.error(tree.family, "this family has no spec strings; write a spec file")
    if isinstance(names, tuple) and len(tree.sizes) != len(names):
        raise place.key("sizes").error(list(tree.sizes), f"{len(names)} sizes are needed: {'-'.join(names)}")
    found: dict[str, Any]
    found = {names: list(tree.sizes)} if isinstance(names, str) else dict(zip(names, tree.sizes, strict=True))
    for key, value in tree.options:
        kind = family.keywords.get(key)
        if value is True and kind is not None and "bool" not in kind:
            raise place.key(key).error(key, f"this option needs a value; write +{key}=...")
        if key in family.sizes:
            raise place.key(key).error(value, "already given by the sizes; leave it out")
        single = value is not None and not isinstance(value, tuple)
        found[key] = (value,) if single and kind in ("ints", "rationals") else value
    return found


def build_from_mapping(mapping: Mapping[str, Any], where: str = "spec") -> Architecture:
    """The architecture that a mapping describes, such as the contents of a TOML or JSON file.

    Parameters
    ----------
    mapping : the key `family` and keywords of its constructor; blocks are mappings again, or spec strings
    where : what the mapping is called in errors

    Raises SpecError, or a SizeError or UnsupportedError of a constructor.
    """
    check_nesting(mapping, where)
    return _block(mapping, Place(where))


def describe(spec: Mapping[str, Any]) -> Any:
    """A mapping as one that JSON can hold, of which :func:`build_from_mapping` makes the same."""
    check_nesting(spec, "spec")
    return _plain(spec)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, Expression):
        return value.source
    if isinstance(value, Fraction) or hasattr(value, "free_symbols"):
        return str(value)
    if isinstance(value, float):
        # As a text it stays the decimal that it prints, whoever reads the JSON.
        return repr(value)
    return value


def _find(name: Any, place: Place) -> Family:
    known = families()
    if not isinstance(name, str):
        raise place.key("family").error(name, "the name of a family is needed")
    if name in known and "<" not in name:
        return known[name]
    match = _NUMBERED.fullmatch(name)
    if match and f"{match[1]}<k>" in known:
        return known[f"{match[1]}<k>"]
    raise place.key("family").error(name, did_you_mean(name, known))


def _block(value: Any, place: Place) -> Architecture:
    """The architecture of a mapping, or inside one also of a spec string."""
    if isinstance(value, str) and place.path:
        try:
            return build_from_tree(parse_spec(value))
        except LieLawsError as error:
            place.relocate(error)
    if not isinstance(value, Mapping):
        raise place.error(value, "a table with a key 'family' is needed")
    if "family" not in value:
        raise place.error(value, f"the key 'family' is missing; one of {listing(sorted(families()))}")
    family = _find(value["family"], place)
    return _construct(family, value["family"], {key: v for key, v in value.items() if key != "family"}, place)


def _construct(family: Family, name: str, values: Mapping[str, Any], place: Place) -> Architecture:
    for key in values:
        if key not in family.keywords:
            known = did_you_mean(str(key), family.keywords)
            raise place.key(str(key)).error(values[key], f"this key of family '{name}' is {known}")
    if missing := [key for key in family.required if key not in values]:
        raise place.error(f"family {name}", f"{listing(map(quoted, missing))} missing; give a value")
    converted = _converted(family, values, place)
    if family.name_keyword is not None:
        converted[family.name_keyword] = name
    try:
        bound = family.signature.bind_partial()
        bound.arguments.update(converted)
        return family.constructor(*bound.args, **bound.kwargs)
    except LieLawsError as error:
        place.relocate(error)
    except (ArithmeticError, TypeError, ValueError, RecursionError, MemoryError) as error:
        # Such as a coefficient with more digits than Python prints.
        raise place.error(f"family {name}", f"it cannot be built: {one_line(error, 200)}") from error


def _converted(family: Family, values: Mapping[str, Any], place: Place) -> dict[str, Any]:
    converted: dict[str, Any] = {}
    # Expressions are read over the symbols, wherever these stand.
    for key in sorted(values, key=lambda key: family.keywords[key] == "expressions"):
        value, kind, here = values[key], family.keywords[key], place.key(key)
        if value is None and family.allows_none(key):
            converted[key] = None
        elif kind == "block":
            converted[key] = _block(value, here)
        elif kind == "blocks":
            if not isinstance(value, list | tuple) or not value:
                raise here.error(value, "a list of at least one table or spec string is needed")
            converted[key] = [_block(block, here.item(k)) for k, block in enumerate(value)]
        elif kind == "expressions":
            converted[key] = to_expressions(value, here, converted["symbols"])
        else:
            converted[key] = CONVERTERS[kind](value, here)
    return converted
