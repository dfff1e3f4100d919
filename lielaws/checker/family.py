"""The members of the family of a flow, evaluated in any ring."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lielaws.checker.networks import Network
from lielaws.checker.tape import Bases, Gradient, Ring, Wire

_NO_BASES: Bases = {}


class Family:
    """What the flow of a network makes of the gradient of its potential.

    wanted : the wires of the state
    size : about the number of products that a member costs
    """

    def __init__(self, network: Network, ring: Ring) -> None:
        self.network, self.ring, self.wanted = network, ring, network.state
        self.gradient = Gradient(network.tape, network.potential, network.parameters, ring)
        self.size = self.gradient.size + (4 * len(network.state) if network.drift else 0)

    def __call__(self, leaves: Iterable[tuple[Wire, Any]], bases: Bases = _NO_BASES) -> list[Any]:
        """The member at the values of the leaves, with the values of functions at the base point."""
        known = list(leaves)
        gradient = self.gradient(known, bases)
        if self.network.motion.kind == "gradient":
            return gradient
        values = dict(known)
        state = [values[wire] for wire in self.wanted]
        drift = values[self.network.drift[0]] if self.network.drift else 0
        return self.network.motion.member(self.ring, state, drift, gradient)
