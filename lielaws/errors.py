"""Errors that a caller can cause: each names the argument, the value, and what to do instead."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST_VALUE = 120


class LieLawsError(Exception):
    """Base of everything that lielaws raises on purpose; the message is one line."""


class InvalidArgumentError(LieLawsError, ValueError):
    """An argument has a value that cannot be used.

    Parameters
    ----------
    argument : name of the argument, as the caller wrote it
    value : the offending value
    remedy : what is accepted instead, as a sentence fragment
    """

    def __init__(self, argument: str, value: object, remedy: str) -> None:
        super().__init__(f"{argument} = {shorten(value)}: {remedy}")
        self.argument, self.value, self.remedy = argument, value, remedy

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.argument, self.value, self.remedy)


class SpecError(InvalidArgumentError):
    """A spec string, a spec file or an expression in one cannot be read."""


class SizeError(InvalidArgumentError):
    """What was asked for would not fit in memory; raised before the memory is taken."""


class UnsupportedError(InvalidArgumentError):
    """The input is meaningful, but outside what the exact method covers."""


class CertificateError(InvalidArgumentError):
    """A certificate file cannot be read."""


class ExactnessError(LieLawsError):
    """An exact computation could not be carried through; never answered by a guess."""


def shorten(value: object) -> str:
    """The value as it is shown in a message: one line, at most 120 characters."""
    try:
        text = " ".join((value if isinstance(value, str) else repr(value)).split())
    except ValueError:
        # Python refuses to print integers beyond its digit limit; their size says enough.
        text = f"<{type(value).__name__} too large to print>"
    if isinstance(value, str):
        text = f"'{text}'"
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."


def nearest(word: str, known: Iterable[str]) -> str:
    """A remedy that lists the nearest known words, or all of them if none is near."""
    names = sorted(known)
    close = get_close_matches(word.lower(), names, n=3, cutoff=0.55)
    if close:
        return "unknown; did you mean " + " or ".join(f"'{name}'" for name in close) + "?"
    return "unknown; known: " + ", ".join(names)
