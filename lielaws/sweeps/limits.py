"""Limits on the time and the memory of one case."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lielaws.errors import InvalidArgumentError

DEFAULT_SECONDS = 600.0
NONE = "none"
_LEAST_MEGABYTES = 128
_LONGEST = 10**7


@dataclass(frozen=True, slots=True)
class Limits:
    """
    seconds : wall-clock time of a case; None for no limit
    megabytes : memory of a case, that of the interpreter and the libraries included; None for no limit
    """

    seconds: float | None = DEFAULT_SECONDS
    megabytes: float | None = None


def read_limits(values: Mapping[str, tuple[Any, str]], base: Limits | None = None) -> Limits:
    """Limits from `time_limit` in seconds and `memory_limit` in megabytes, each with what it is called in errors.

    The text "none" means no limit. Raises InvalidArgumentError.
    """
    base = base or Limits()
    seconds, megabytes = base.seconds, base.megabytes
    if "time_limit" in values:
        seconds = _positive(*values["time_limit"], 0.0, "a positive number of seconds, or 'none', is needed")
    if "memory_limit" in values:
        remedy = f"a number of megabytes of at least {_LEAST_MEGABYTES}, or 'none', is needed"
        megabytes = _positive(*values["memory_limit"], _LEAST_MEGABYTES, remedy)
    return Limits(seconds, megabytes)


def _positive(value: Any, where: str, least: float, remedy: str) -> float | None:
    if value == NONE:
        return None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise InvalidArgumentError(where, value, remedy) from None
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
        raise InvalidArgumentError(where, value, remedy)
    number = float(value)
    if not math.isfinite(number) or number <= 0 or number < least or number > _LONGEST:
        raise InvalidArgumentError(where, value, remedy)
    return number
