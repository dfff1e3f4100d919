"""Names of architectures from their specs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any


def plain_options(constructor: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are not the defaults of the constructor."""
    known = inspect.signature(constructor).parameters
    return {key: value for key, value in options.items() if not _same(value, known[key].default)}


def titled(family: str, sizes: Mapping[str, Any], options: Mapping[str, Any]) -> str:
    """A name such as `attention+causal:4-2+heads=2`."""
    flags = "".join(f"+{key}" for key, value in options.items() if value is True)
    rest = "".join(f"+{key}={_written(value)}" for key, value in options.items() if value is not True)
    return f"{family}{flags}:{'-'.join(map(str, sizes.values()))}{rest}"


def _same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(value == default)


def _written(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_written, value)) + ("," if len(value) == 1 else "")
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)
