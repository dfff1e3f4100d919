"""An architecture: named parameters, named data, and a network written over traced arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from lielaws.architectures.reparameterization import Reparameterization
from lielaws.architectures.running import Gates, Patterns, Runner
from lielaws.checks import positive_int
from lielaws.engine.graph.network import Traced, trace
from lielaws.engine.graph.node import Shape
from lielaws.engine.potential.potentials import Potential, build_potential
from lielaws.errors import InvalidArgumentError, LieLawsError, SizeError

_MOST_ENTRIES = 2 * 10**8  # one copy in float64 takes 1.6 GB


@dataclass(frozen=True, eq=False)
class Architecture:
    """A network `g(theta, x)` with named parameters.

    Attributes
    ----------
    name : how it is called in reports
    parameters : name -> shape, in the order of the state vector
    data : name -> shape of one sample; empty for a network that is a function of its parameters alone
    function : `function(p, *data, ops)`, see :func:`lielaws.architecture`
    spec : a mapping of plain values that rebuilds it, or None for a user's own function
    patterns : for discrete choices such as the top-k experts: the function stacks one output for each pattern along its
        first axis, all of which are in the family, and `patterns(params, x)` gives the indicators (batch, patterns) of
        those that the real network chooses
    """

    name: str
    parameters: Mapping[str, Shape]
    data: Mapping[str, Shape]
    function: Callable[..., Any] = field(repr=False)
    spec: Mapping[str, Any] | None = field(default=None, repr=False)
    patterns: Patterns | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for argument, least in (("parameters", 1), ("data", 0)):
            shapes = checked_shapes(argument, getattr(self, argument), least)
            object.__setattr__(self, argument, MappingProxyType(shapes))

    @property
    def dimension(self) -> int:
        """D, the number of scalar parameters."""
        return sum(math.prod(shape) for shape in self.parameters.values())

    @property
    def output_shape(self) -> Shape:
        """Shape of the output for one sample."""
        shape = self.traced.output.shape
        return shape if self.patterns is None else shape[1:]

    @cached_property
    def traced(self) -> Traced:
        """The network as a graph. Raises InvalidArgumentError if the function fails on traced arrays."""
        try:
            return trace(self.function, self.parameters, self.data)
        except LieLawsError:
            raise
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            remedy = f"the network failed on traced arrays ({text}); use their operators and `ops` only"
            raise InvalidArgumentError("function", self.name, remedy) from error

    @cached_property
    def potential(self) -> Potential:
        return build_potential(self.traced)

    def potential_for(self, loss: str) -> Potential:
        """The potential when the gradients of the loss are restricted, as those of the cross-entropy are."""
        return self.potential if loss == "any" else build_potential(self.traced, loss)

    @cached_property
    def _runner(self) -> Runner:
        return Runner(self.potential, self.patterns)

    def forward(self, params: Mapping[str, Any], x: Any, *, gates: Gates | None = None) -> Any:
        """The network in float64.

        Parameters
        ----------
        params : name -> array of the declared shape
        x : array with a leading batch axis; a mapping of such arrays if there are several data; None if there are none
        gates : activation patterns from :meth:`gates`, to be kept instead of those of `params` and `x`

        Returns an array of shape (batch, *output_shape).
        """
        return self._runner.forward(params, x, gates)

    def gates(self, params: Mapping[str, Any], x: Any) -> Gates:
        """The activation patterns at `params` for each sample: 1 where an argument is not negative, 0 elsewhere."""
        return self._runner.gates(params, x)

    def pullback(
        self, params: Mapping[str, Any], x: Any, cotangent: Any, *, gates: Gates | None = None
    ) -> dict[str, Any]:
        """The gradient of the sum over samples of <cotangent, forward(params, x)>, by name.

        `cotangent` has the shape of the output of :meth:`forward`: for a loss it is its gradient there.
        """
        return self._runner.pullback(params, x, cotangent, gates)

    def reparameterization(self) -> Reparameterization:
        """The functions phi(theta) through which the potentials factor (arXiv 2307.00144, section 2).

        Raises SizeError, before the memory is taken, when they would not fit, and UnsupportedError for potentials that
        are no polynomials in the data.
        """
        return Reparameterization(self.name, self.parameters, self.potential)


def spec_around(family: str, block: Architecture, **options: Any) -> dict[str, Any] | None:
    """The spec of what a family makes of a block; None if the block has none."""
    return None if block.spec is None else {"family": family, "block": dict(block.spec), **options}


def check_architecture(argument: str, value: Any) -> None:
    if not isinstance(value, Architecture):
        raise InvalidArgumentError(argument, value, "an Architecture is needed, such as mlp([2, 3, 2])")


def architecture(
    function: Callable[..., Any],
    parameters: Mapping[str, Any],
    data: Mapping[str, Any],
    *,
    name: str | None = None,
) -> Architecture:
    """An architecture from a network written as plain array code.

    Parameters
    ----------
    function : called once as `function(p, *data, ops)` on traced arrays; the parameters are attributes of `p`, the data
        come in the order of their mapping, and `ops` is :class:`lielaws.engine.graph.operations.Operations`
    parameters, data : name -> shape; data without the batch axis, and {} for a function of the parameters alone
    name : used in reports; by default that of the function

    >>> def net(p, x, ops):
    ...     return p.C @ ops.relu(p.A @ x)
    >>> architecture(net, parameters={"A": (4, 3), "C": (2, 4)}, data={"x": (3,)}).dimension
    20
    """
    if not callable(function):
        raise InvalidArgumentError("function", function, "a function of (p, *data, ops) is needed")
    made = Architecture(str(name or getattr(function, "__name__", "network")), parameters, data, function)
    made.traced  # noqa: B018  a mistake in the network is reported here, where it was made
    return made


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
