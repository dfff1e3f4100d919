"""Widths and shapes as callers give them to the constructors of architectures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from lielaws.checks import positive_int
from lielaws.errors import InvalidArgumentError, SizeError

_MOST_ENTRIES = 2 * 10**8  # one copy in float64 takes 1.6 GB


def checked_widths(argument: str, widths: Any) -> tuple[int, ...]:
    """At least two positive integers."""
    if isinstance(widths, str) or not isinstance(widths, Iterable):
        raise InvalidArgumentError(argument, widths, "a sequence of at least two positive integers is needed")
    checked = tuple(positive_int(argument, width) for width in widths)
    if len(checked) < 2:
        raise InvalidArgumentError(argument, list(checked), "at least two are needed, input and output")
    return checked


def checked_shapes(argument: str, shapes: Any, least: int = 0) -> dict[str, tuple[int, ...]]:
    """Shapes by name, of `least` or more; also bounds the number of entries, before anybody allocates them."""
    if not isinstance(shapes, Mapping) or len(shapes) < least:
        some = "at least one name to its shape" if least else "names to shapes"
        raise InvalidArgumentError(argument, shapes, f"a mapping of {some} is needed")
    checked = {}
    for name, shape in shapes.items():
        if not isinstance(name, str) or not name:
            raise InvalidArgumentError(argument, name, "names must be nonempty strings")
        if isinstance(shape, str) or not isinstance(shape, Iterable):
            raise InvalidArgumentError(f"{argument}[{name!r}]", shape, "a shape such as (4, 3) is needed")
        checked[name] = tuple(positive_int(f"{argument}[{name!r}]", length) for length in shape)
    entries = sum(math.prod(shape) for shape in checked.values())
    if entries > _MOST_ENTRIES:
        raise SizeError(argument, f"{entries:,} entries", f"at most {_MOST_ENTRIES:,} fit; make the sizes smaller")
    return checked
