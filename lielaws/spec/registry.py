"""Families of architectures, and how a parsed spec becomes a call of their constructors.

Knows no family: they are passed in, as a mapping of names to :class:`Family`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

from lielaws.errors import LieLawsError
from lielaws.spec.kinds import CONVERTERS, KIND_OF_TYPE, LIST_KINDS, to_expressions
from lielaws.spec.language import Expression
from lielaws.spec.messages import Place, did_you_mean, listing, one_line, quoted
from lielaws.spec.nesting import check_nesting
from lielaws.spec.strings import SpecTree, parse_spec

Families = Mapping[str, "Family"]

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class Family:
    """A family of architectures that specs can name.

    constructor : called with keywords, except for a `*blocks` parameter; it has the name of the family, and its
        parameters are the keywords. None is accepted where it is the default
    sizes_argument : the keyword that takes the list of sizes of a spec string; or a tuple of keywords that take one
        size each, so that `glu:3-4` means d_model=3, hidden=4; or None if there are no spec strings
    summary : one line for lists of families
    kinds : of the keywords whose types do not tell them; see lielaws.spec.kinds
    alias : another name; `power<k>` stands for power1, power2, ...
    name_keyword : the keyword, if any, that takes the name which was used, such as the activation of `relu:3-4-3`
    without : keywords that specs of this family do not have
    """

    constructor: Callable[..., Any]
    sizes_argument: str | tuple[str, ...] | None
    summary: str
    kinds: Mapping[str, str] = field(default_factory=dict)
    alias: str | None = None
    name_keyword: str | None = None
    without: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.alias or self.constructor.__name__

    @cached_property
    def signature(self) -> inspect.Signature:
        """That of the constructor."""
        return inspect.signature(self.constructor)

    @cached_property
    def sizes(self) -> dict[str, str]:
        """The keywords of the sizes, with their kinds."""
        given = self.sizes_argument
        return {given: "ints"} if isinstance(given, str) else dict.fromkeys(given or (), "int")

    @cached_property
    def options(self) -> dict[str, str]:
        """The other keywords, with their kinds."""
        others = {*self.sizes, self.name_keyword, *self.without}
        types = {key: known.annotation for key, known in self.signature.parameters.items() if key not in others}
        return {key: self.kinds.get(key) or KIND_OF_TYPE[annotation] for key, annotation in types.items()}

    @cached_property
    def keywords(self) -> dict[str, str]:
        """All keywords with their kinds, those of the sizes first."""
        return self.sizes | self.options

    @property
    def required(self) -> tuple[str, ...]:
        """The keywords without a default."""
        parameters = self.signature.parameters
        return tuple(key for key in self.keywords if parameters[key].default is inspect.Parameter.empty)

    def allows_none(self, key: str) -> bool:
        """Whether None is the default of a keyword."""
        return self.signature.parameters[key].default is None


def build_from_tree(tree: SpecTree, families: Families) -> Any:
    """The architecture of a spec string. Raises SpecError, or a SizeError or UnsupportedError of the constructor."""
    place = Place(f"spec {quoted(tree)}")
    family = _find(tree.family, families, place)
    names = family.sizes_argument
    if names is None:
        raise place.error(tree.family, "this family has no spec strings; write a spec file")
    if isinstance(names, tuple) and len(tree.sizes) != len(names):
        raise place.key("sizes").error(list(tree.sizes), f"{len(names)} sizes are needed: {'-'.join(names)}")
    sizes = {names: list(tree.sizes)} if isinstance(names, str) else dict(zip(names, tree.sizes, strict=True))
    options = {key: _tree_value(family, key, value, place) for key, value in tree.options}
    if twice := sorted(set(sizes) & set(options)):
        raise place.key(twice[0]).error(options[twice[0]], "already given by the sizes; leave it out")
    return _construct(family, tree.family, {**sizes, **options}, place, families)


def build_from_mapping(mapping: Mapping[str, Any], families: Families, where: str = "spec") -> Any:
    """The architecture that a mapping describes, such as the contents of a TOML or JSON file.

    Parameters
    ----------
    mapping : the key `family` and keywords of its constructor; blocks are mappings again, or spec strings
    where : what the mapping is called in errors

    Raises SpecError, or a SizeError or UnsupportedError of a constructor.
    """
    check_nesting(mapping, where)
    return _build(mapping, families, Place(where))


def describe(spec: SpecTree | Mapping[str, Any]) -> Any:
    """A spec as plain data: the spec string of a tree, and of a mapping one that JSON can hold.

    `parse_spec(describe(tree)) == tree`, and `build_from_mapping` makes the same of a mapping and its description.
    """
    if isinstance(spec, SpecTree):
        return str(spec)
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


def _find(name: Any, families: Families, place: Place) -> Family:
    if not isinstance(name, str):
        raise place.key("family").error(name, "the name of a family is needed")
    if name in families and "<" not in name:
        return families[name]
    for family in families.values():
        stem, pattern, rest = family.name.partition("<k>")
        if pattern and not rest and name.startswith(stem) and _NUMBER.fullmatch(name[len(stem) :]):
            return family
    raise place.key("family").error(name, did_you_mean(name, families))


def _tree_value(family: Family, key: str, value: Any, place: Place) -> Any:
    kind = family.keywords.get(key)
    if value is True and kind is not None and "bool" not in kind:
        raise place.key(key).error(key, f"this option needs a value; write +{key}=...")
    return (value,) if kind in LIST_KINDS and value is not None and not isinstance(value, tuple) else value


def _build(mapping: Any, families: Families, place: Place) -> Any:
    if not isinstance(mapping, Mapping):
        raise place.error(mapping, "a table with a key 'family' is needed")
    if "family" not in mapping:
        raise place.error(mapping, f"the key 'family' is missing; one of {listing(sorted(families))}")
    family = _find(mapping["family"], families, place)
    values = {key: value for key, value in mapping.items() if key != "family"}
    return _construct(family, mapping["family"], values, place, families)


def _construct(family: Family, name: str, values: Mapping[str, Any], place: Place, families: Families) -> Any:
    for key in values:
        if key not in family.keywords:
            known = did_you_mean(str(key), family.keywords)
            raise place.key(str(key)).error(values[key], f"this key of family '{name}' is {known}")
    if missing := [key for key in family.required if key not in values]:
        raise place.error(f"family {name}", f"{listing(map(quoted, missing))} missing; give a value")
    converted = _converted(family, values, place, families)
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


def _converted(family: Family, values: Mapping[str, Any], place: Place, families: Families) -> dict[str, Any]:
    converted: dict[str, Any] = {}
    # Expressions are read over the symbols, wherever these stand.
    for key in sorted(values, key=lambda key: family.keywords[key] == "expressions"):
        value, kind, here = values[key], family.keywords[key], place.key(key)
        if value is None and family.allows_none(key):
            converted[key] = None
        elif kind == "block":
            converted[key] = _block(value, families, here)
        elif kind == "blocks":
            converted[key] = [_block(block, families, here.item(k)) for k, block in enumerate(_blocks(value, here))]
        elif kind == "expressions":
            symbols = [key for key, kind in family.keywords.items() if kind == "symbols"]
            converted[key] = to_expressions(value, here, converted[symbols[0]] if symbols else [])
        else:
            converted[key] = CONVERTERS[kind](value, here)
    return converted


def _block(value: Any, families: Families, place: Place) -> Any:
    if not isinstance(value, str):
        return _build(value, families, place)
    try:
        return build_from_tree(parse_spec(value), families)
    except LieLawsError as error:
        place.relocate(error)


def _blocks(value: Any, place: Place) -> list[Any]:
    if not isinstance(value, list | tuple) or not value:
        raise place.error(value, "a list of at least one table or spec string is needed")
    return list(value)
