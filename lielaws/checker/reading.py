"""Foreign values, read strictly: exact types, known keys, bounded sizes. Every function raises CertificateError."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from lielaws.errors import CertificateError

Shape = tuple[int, ...]

_DEEPEST = 64
_MOST_VALUES = 3_000_000
_MOST_DIGITS = 100_000
_LONGEST_TEXT = 100_000
_BITS_PER_DIGIT = 3.33
_MOST_AXES = 24
"""numpy has 64 in newer and 32 in older versions, and some are needed for samples"""
_RATIONAL = re.compile(r"-?[0-9]{1,300}(?:/[0-9]{1,300})?")


def plain(value: Any) -> Any:
    """A copy made of dict, list, str, int, bool and None alone, after a check of its depth and size."""
    return _Copier().copy(value, 0)


class _Copier:
    def __init__(self) -> None:
        self.values = self.bits = 0

    def copy(self, value: Any, depth: int) -> Any:
        self.values += 1
        if self.values > _MOST_VALUES or depth > _DEEPEST:
            limit = f"at most {_MOST_VALUES:,} values, {_DEEPEST} levels deep, are checked"
            raise CertificateError("certificate", "too large or too deeply nested", limit)
        if value is None or type(value) is bool:
            return value
        if type(value) is int:
            return self._int(value)
        if type(value) is str:
            return self._str(value)
        if isinstance(value, Mapping):
            if not all(type(key) is str for key in value):
                raise CertificateError("certificate", "a key that is no text", "all keys must be texts")
            return {self._str(key): self.copy(entry, depth + 1) for key, entry in value.items()}
        if type(value) in (list, tuple):
            return [self.copy(entry, depth + 1) for entry in value]
        raise CertificateError("certificate", type(value).__name__, "texts, integers, booleans, lists, tables are read")

    def _int(self, value: int) -> int:
        self.bits += value.bit_length() if value.bit_length() > 64 else 0
        if self.bits > _MOST_DIGITS * _BITS_PER_DIGIT:
            raise CertificateError("certificate", "huge integers", f"at most {_MOST_DIGITS:,} digits are checked")
        return value

    @staticmethod
    def _str(value: str) -> str:
        if len(value) > _LONGEST_TEXT:
            raise CertificateError("certificate", value, f"texts may have at most {_LONGEST_TEXT:,} characters")
        return value


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


def shape(value: Any, where: str) -> Shape:
    """Of an array: up to 24 axes."""
    if len(items(value, where)) > _MOST_AXES:
        raise CertificateError(where, f"{len(value)} axes", f"at most {_MOST_AXES} are read")
    return tuple(integers(value, where, 1, 10**6))
