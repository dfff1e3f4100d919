"""Toy families, and the check that every error is one line that helps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from lielaws.errors import LieLawsError, SpecError, UnsupportedError
from lielaws.spec import Family, network_function, registry


@pytest.fixture
def refused() -> Callable[..., LieLawsError]:
    """refused(pieces, function, *arguments): the call fails with one line that contains all the pieces."""

    def check(pieces: list[str], function: Callable[..., Any], *arguments: Any, **keywords: Any) -> LieLawsError:
        with pytest.raises(LieLawsError) as caught:
            function(*arguments, **keywords)
        message = str(caught.value)
        assert len(message.splitlines()) == 1
        assert len(message) < 1000
        for piece in pieces:
            assert piece in message
        return caught.value

    return check


def toy_mlp(widths: list[int], activation: str = "relu", bias: bool = False, slope: Any = None) -> tuple[Any, ...]:
    if not widths or min(widths) < 1:
        raise SpecError("widths", widths, "positive integers are needed")
    return ("mlp", tuple(widths), activation, bias, slope)


def toy_linear(widths: list[int]) -> tuple[Any, ...]:
    return ("linear", tuple(widths))


def toy_conv(channels: list[int], kernel: int, size: int, stride: int = 1) -> tuple[Any, ...]:
    if size < kernel:
        raise UnsupportedError("size", size, "make the input larger")
    return ("conv", tuple(channels), kernel, size, stride)


def toy_glu(
    d_model: int,
    hidden: int,
    epsilon: Any = True,
    rotary: Sequence[Any] | None = None,
    sizes: Sequence[int] | None = None,
) -> tuple[Any, ...]:
    return ("glu", d_model, hidden, epsilon, rotary, sizes)


def toy_sequential(*blocks: Any) -> tuple[Any, ...]:
    return ("sequential", *blocks)


def toy_residual(block: Any) -> tuple[Any, ...]:
    return ("residual", block)


def toy_phi(symbols: list[Any], expressions: list[Any]) -> tuple[Any, ...]:
    return ("phi", tuple(symbols), tuple(expressions))


def toy_network(parameters: Any, data: Any, output: Any, let: Any = None) -> tuple[Any, ...]:
    return ("network", parameters, data, network_function(parameters, data, output, let))


_NETWORK = {"parameters": "shapes", "data": "shapes", "output": "expression", "let": "let"}
_TOYS = (
    Family(toy_mlp, "widths", "fully connected", {"slope": "rational"}, alias="mlp"),
    Family(toy_linear, "widths", "a product of matrices", alias="linear"),
    Family(toy_conv, "channels", "convolutions", alias="conv"),
    Family(toy_glu, ("d_model", "hidden"), "a gated unit", {"epsilon": "bool_or_rational"}, alias="glu"),
    Family(toy_sequential, None, "in a row", {"blocks": "blocks"}, alias="sequential"),
    Family(toy_residual, None, "beside", {"block": "block"}, alias="residual"),
    Family(toy_phi, None, "functions", {"symbols": "symbols", "expressions": "expressions"}, alias="phi"),
    Family(toy_network, None, "expressions", _NETWORK, alias="network"),
)


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Specs name toy families instead of the real ones."""
    monkeypatch.setattr(registry, "families", lambda: {family.name: family for family in _TOYS})
