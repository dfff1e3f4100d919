"""What a family of architectures is written with, and its recipe, from which its spec and its name follow."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lielaws.architectures.base import Architecture
from lielaws.architectures.running import Patterns
from lielaws.engine.graph.network import Namespace
from lielaws.engine.graph.node import Shape
from lielaws.engine.graph.operations import Operations
from lielaws.engine.graph.trace import Array

__all__ = ["Architecture", "Array", "Namespace", "Operations", "Recipe", "Shape", "not_default"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """The keywords of a family's constructor.

    The name is a spec string: `attention+causal:4-2+heads=2` has the family, options, sizes, and the other options.

    family : as specs call it
    sizes : by keyword; numbers, or a sequence of them
    options : all other keywords of the spec, in the order of the name
    front : which options the name has before the sizes; true ones there by their key alone
    unnamed : which options it leaves out, as they have the value that the family has without them
    title : what it begins with, if that is not the family
    """

    family: str
    sizes: Mapping[str, Any]
    options: Mapping[str, Any]
    front: Collection[str] = ()
    unnamed: Collection[str] = ()
    title: str = ""

    @classmethod
    def of(cls, constructor: Callable[..., Any], keywords: Mapping[str, Any]) -> Recipe:
        """Of the family of the constructor's name: keywords without default are sizes, those at theirs are left out."""
        known = inspect.signature(constructor).parameters
        sizes = {key: keywords[key] for key, parameter in known.items() if parameter.default is parameter.empty}
        options = not_default(constructor, {key: value for key, value in keywords.items() if key not in sizes})
        return cls(constructor.__name__, sizes, options, front=[key for key, value in options.items() if value is True])

    @property
    def spec(self) -> dict[str, Any]:
        return {"family": self.family} | {key: _plain(value) for key, value in {**self.sizes, **self.options}.items()}

    @property
    def name(self) -> str:
        named = {key: value for key, value in self.options.items() if key not in self.unnamed}
        texts = {key: f"+{key}={_written(value)}" for key, value in named.items()}
        texts |= {key: f"+{key}" for key in self.front if named.get(key) is True}
        before = "".join(text for key, text in texts.items() if key in self.front)
        after = "".join(text for key, text in texts.items() if key not in self.front)
        sizes = [str(n) for value in self.sizes.values() for n in (value if isinstance(value, tuple) else (value,))]
        return f"{self.title or self.family}{before}:{'-'.join(sizes)}{after}"

    def build(
        self,
        parameters: Mapping[str, Shape],
        data: Mapping[str, Shape],
        function: Callable[..., Any],
        patterns: Patterns | None = None,
    ) -> Architecture:
        """The architecture with this name and this spec."""
        return Architecture(self.name, parameters, data, function, self.spec, patterns)


def not_default(constructor: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options whose value is another one than without them."""
    known = inspect.signature(constructor).parameters
    pairs = ((key, value, known[key].default) for key, value in options.items())
    return {key: value for key, value, default in pairs if type(value) is not type(default) or value != default}


def _written(value: Any) -> str:
    """The value as spec strings have it."""
    if isinstance(value, tuple):
        return ",".join(map(_written, value)) + ("," if len(value) == 1 else "")
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def _plain(value: Any) -> Any:
    """The value as JSON can hold it."""
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    return str(value) if isinstance(value, Fraction) else value
