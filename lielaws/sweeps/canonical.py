"""One form for all ways to write the same case, so that it is recognized when a sweep is started again."""

from __future__ import annotations

import hashlib
import inspect
import json
import operator
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from lielaws.errors import LieLawsError, SpecError

if TYPE_CHECKING:
    from lielaws.spec.families import Family

_KEY_LENGTH = 32


def key_of(identity: Mapping[str, Any]) -> str:
    """The key of a case: 32 hexadecimal digits that depend on its plain values alone, not on their order."""
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:_KEY_LENGTH]


def as_mapping(spec: str | Mapping[str, Any]) -> dict[str, Any]:
    """A spec string or mapping as a mapping of plain values that JSON can hold. Raises SpecError."""
    from lielaws.spec import describe, parse_spec
    from lielaws.spec.registry import keywords_of

    if not isinstance(spec, Mapping):
        tree = parse_spec(spec)
        spec = {"family": tree.family, **keywords_of(tree)}
    return _writable(describe(spec))


def _writable(plain: Any) -> dict[str, Any]:
    """The same values as JSON has them. Raises SpecError for those that it cannot hold."""

    def converted(value: Any) -> int:
        try:
            return operator.index(value)
        except TypeError:
            raise SpecError("spec", value, "it cannot be written down; use texts, numbers, lists, tables") from None

    try:
        found: dict[str, Any] = json.loads(json.dumps(plain, default=converted))
    except ValueError as error:
        raise SpecError("spec", plain, "it contains itself, or a number that is too large") from error
    return found


def find_family(name: Any) -> Family | None:
    """The registered family that a name such as `relu` or `power3` belongs to, or None."""
    from lielaws.spec.families import families

    known = families()
    if not isinstance(name, str) or "<" in name:
        return None
    if name in known:
        return known[name]
    for family in known.values():
        stem, hole, _ = family.name.partition("<k>")
        if hole and name.startswith(stem) and name[len(stem) :].isdecimal():
            return family
    return None


@cache
def defaults_of(constructor: Callable[..., Any]) -> Mapping[str, Any]:
    """The defaults of the keywords that have one."""
    parameters = inspect.signature(constructor).parameters.values()
    return {known.name: known.default for known in parameters if known.default is not known.empty}


def identity_of(spec: Any) -> Any:
    """A mapping of plain values without what does not matter: options at their defaults, and how numbers are written.

    Blocks inside are treated alike, also those given as spec strings. What is no valid spec stays as it is.
    """
    if isinstance(spec, str):
        try:
            spec = as_mapping(spec)
        except LieLawsError:
            return spec
    if not isinstance(spec, Mapping):
        return spec
    family = find_family(spec.get("family"))
    if family is None:
        return dict(spec)
    kinds, defaults = family.keywords, defaults_of(family.constructor)
    found: dict[str, Any] = {"family": spec["family"]}
    for name, value in spec.items():
        if name == "family":
            continue
        plain = _plain(value, kinds.get(name))
        if name not in defaults or type(plain) is not type(defaults[name]) or plain != defaults[name]:
            found[name] = plain
    return found


def _plain(value: Any, kind: str | None) -> Any:
    from lielaws.spec import describe
    from lielaws.spec.kinds import CONVERTERS
    from lielaws.spec.messages import Place

    if kind == "block":
        return identity_of(value)
    if kind == "blocks" and isinstance(value, list):
        return [identity_of(block) for block in value]
    if kind in {"bool", "int", "rational", "bool_or_rational", "str", "ints", "rationals"} and value is not None:
        try:
            return describe({"value": CONVERTERS[kind](value, Place("value"))})["value"]
        except LieLawsError:
            return value
    return value
