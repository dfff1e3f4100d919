"""Spec strings: `family+option=value:sizes+option=value`, such as `relu+bias:3-4-3`. Knows no families."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lielaws.architectures.family import Recipe
from lielaws.spec.messages import Place, one_line, quoted
from lielaws.spec.tokens import exact_rational

Value = bool | int | Fraction | str | None | tuple[Any, ...]

_SPEC = Place("spec")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_INTEGER = re.compile(r"-?[0-9]{1,300}")
_WORDS: dict[str, Value] = {"true": True, "false": False, "none": None}
_LONGEST = 10_000
_LARGEST_SIZE = 2**31
_FORM = "a spec is like 'relu+bias:3-4-3' or 'conv:1-2-1+kernel=2+size=4'"


@dataclass(frozen=True, slots=True)
class SpecTree:
    """A spec string taken apart.

    family : its name
    sizes : at least two positive integers
    options : pairs of a name and a value, sorted by name. An option without value has the value True; other values are
        booleans, None, integers, rational numbers, words, and tuples of these
    """

    family: str
    sizes: tuple[int, ...]
    options: tuple[tuple[str, Value], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", tuple(sorted(self.options, key=lambda option: option[0])))

    def __str__(self) -> str:
        flags = [key for key, value in self.options if value is True]
        return Recipe(self.family, {"sizes": self.sizes}, dict(self.options), front=flags).name


def parse_spec(text: str) -> SpecTree:
    """Take a spec string apart. Raises SpecError that names the part which is wrong."""
    if not isinstance(text, str):
        raise _SPEC.error(text, _FORM)
    if len(text) > _LONGEST:
        raise _SPEC.error(text, f"it may have at most {_LONGEST:,} characters; use a spec file")
    head, colon, tail = text.strip().partition(":")
    if not colon:
        raise _SPEC.error(text, f"the sizes are missing; {_FORM}, and a spec file ends in .toml, .json, .phi or .txt")
    if ":" in tail:
        raise _SPEC.error(text, f"only one ':' is allowed; {_FORM}")
    family, *options = head.split("+")
    sizes, *more = tail.split("+")
    if not _WORD.fullmatch(family.strip()):
        raise _SPEC.error(text, f"{quoted(family)} is no name of a family; {_FORM}")
    return SpecTree(family.strip(), _sizes(text, sizes.strip()), _options(text, options + more))


def _sizes(text: str, sizes: str) -> tuple[int, ...]:
    parts = [part.strip() for part in sizes.split("-")]
    if not sizes:
        raise _SPEC.error(text, "no sizes after ':'; write positive integers with '-' between them, such as 3-4-3")
    if "" in parts:
        remedy = "one is missing or negative; write positive integers such as 3-4-3"
        raise _SPEC.error(text, f"sizes {quoted(sizes)}: {remedy}")
    for part in parts:
        if not (part.isascii() and part.isdigit()):
            raise _SPEC.error(text, f"size {quoted(part)}: a positive integer is needed")
        if len(part) > 20 or int(part) >= _LARGEST_SIZE:
            raise _SPEC.error(text, f"size {quoted(part)}: it must be smaller than {_LARGEST_SIZE}")
        if int(part) == 0:
            raise _SPEC.error(text, f"size {quoted(part)}: sizes start at 1")
    if len(parts) < 2:
        raise _SPEC.error(text, f"sizes {quoted(sizes)}: at least two are needed, such as {parts[0]}-{parts[0]}")
    return tuple(map(int, parts))


def _options(text: str, parts: list[str]) -> tuple[tuple[str, Value], ...]:
    options: dict[str, Value] = {}
    for part in parts:
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not _WORD.fullmatch(key):
            raise _SPEC.error(text, f"option {quoted(part)}: a name, or name=value, is needed after '+'")
        if key in options:
            raise _SPEC.error(text, f"option {quoted(key)} is given twice; give it once")
        options[key] = _value(text, key, value) if equals else True
    return tuple(options.items())


def _value(text: str, key: str, value: str) -> Value:
    if "," in value:
        return tuple(_value(text, key, part.strip()) for part in value.rstrip(",").split(","))
    if value.lower() in _WORDS:
        return _WORDS[value.lower()]
    if _INTEGER.fullmatch(value):
        return int(value)
    if _WORD.fullmatch(value):
        return value
    try:
        return exact_rational(value)
    except ValueError as error:
        remedy = f"option {quoted(key)} has the value {quoted(value)}: a number, a word, true, false or none is needed"
        raise _SPEC.error(text, f"{remedy} ({one_line(error)})" if value[:1].isdigit() else remedy) from None
