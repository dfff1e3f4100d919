"""Foreign values, read strictly: exact types, known keys, bounded sizes. Every function raises CertificateError."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from lielaws.errors import CertificateError

Shape = tuple[int, ...]

_LONGEST = 2**24
"""characters of a certificate; a file has half of them at most"""
_MOST_AXES = 24
"""numpy has 64 in newer and 32 in older versions, and some are needed for samples"""
_RATIONAL = re.compile(r"-?[0-9]{1,300}(?:/[0-9]{1,300})?")


def plain(value: Any) -> Any:
    """A copy made of what JSON has: dict, list, str, int, float, bool and None alone; nothing else is ever asked."""
    parts, length = [], 0
    for part in json.JSONEncoder(default=dict).iterencode(value):
        parts.append(part)
        length += len(part)
        if length > _LONGEST:
            raise CertificateError("certificate", "too large", f"at most {_LONGEST:,} characters are checked")
    return json.loads("".join(parts))


def table(value: Any, where: str, keys: Iterable[str] | None = None, optional: Iterable[str] = ()) -> dict[str, Any]:
    """A table; with `keys`, one that has these keys and no others but the optional ones."""
    if not isinstance(value, dict):
        raise CertificateError(where, value, "a table is needed")
    if keys is None:
        return value
    needed, allowed = set(keys), set(keys) | set(optional)
    if missing := sorted(needed - value.keys()):
        raise CertificateError(where, missing, "these keys are missing")
    if unknown := sorted(value.keys() - allowed):
        raise CertificateError(where, unknown, "these keys are unknown")
    return value


def items(value: Any, where: str, length: int | None = None) -> list[Any]:
    """A list, of a given length if one is given."""
    if not isinstance(value, list):
        raise CertificateError(where, value, "a list is needed")
    if length is not None and len(value) != length:
        raise CertificateError(where, f"{len(value)} entries", f"{length} are needed")
    return value


def integer(value: Any, where: str, low: int | None = None, high: int | None = None) -> int:
    """An integer between the bounds, which are included."""
    if type(value) is not int:
        raise CertificateError(where, value, "an integer is needed")
    if (low is not None and value < low) or (high is not None and value > high):
        raise CertificateError(where, value, f"it must lie between {low} and {high}")
    return value


def integers(value: Any, where: str, low: int, high: int, length: int | None = None) -> list[int]:
    """A list of integers between the bounds."""
    entries: list[int] = items(value, where, length)
    for k, entry in enumerate(entries):
        if type(entry) is not int or not low <= entry <= high:
            raise CertificateError(f"{where}[{k}]", entry, f"an integer between {low} and {high} is needed")
    return entries


def text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise CertificateError(where, value, "a text is needed")
    return value


def choice(value: Any, where: str, known: Iterable[str]) -> str:
    """One of the known words."""
    known = sorted(known)
    if value not in known:
        raise CertificateError(where, value, f"unsupported; this checker knows {', '.join(known)}")
    return str(value)


def rational(value: Any, where: str) -> Fraction:
    """A text such as "-1/100"."""
    if not isinstance(value, str) or not _RATIONAL.fullmatch(value) or int(value.partition("/")[2] or 1) == 0:
        raise CertificateError(where, value, 'a rational number such as "1/100" is needed')
    return Fraction(value)


def rationals(value: Any, where: str, size: Shape) -> list[Fraction]:
    """The entries of an array of some shape."""
    return [rational(entry, f"{where}[{k}]") for k, entry in enumerate(items(value, where, math.prod(size)))]


def shape(value: Any, where: str) -> Shape:
    """Of an array: up to 24 axes."""
    if len(items(value, where)) > _MOST_AXES:
        raise CertificateError(where, f"{len(value)} axes", f"at most {_MOST_AXES} are read")
    return tuple(integers(value, where, 1, 10**6))
