"""Input-convex networks."""

from __future__ import annotations

from typing import Any

from lielaws.architectures.activations import ACTIVATIONS, find_activation
from lielaws.architectures.family import Architecture, Array, Namespace, Operations, Recipe
from lielaws.checks import flag, positive_ints
from lielaws.errors import InvalidArgumentError


def input_convex(d: int, hidden: int, activation: str = "relu", d_out: int = 1, bias: bool = True) -> Architecture:
    """U s(V x + b): convex in x where U has no negative entries, which the entropic metric on U preserves.

    Parameters
    ----------
    d, hidden, d_out : sizes of input, hidden layer and output
    activation : a convex one: "relu", "softplus", "exp", "square", ...
    bias : False leaves b out

    Parameters of the network: U of shape (d_out, hidden), V of shape (hidden, d), b of shape (hidden,). Laws under the
    entropic metric on U: arXiv 2405.12888. Raises InvalidArgumentError for an activation that is not convex.
    """
    d, hidden, d_out = positive_ints(d=d, hidden=hidden, d_out=d_out)
    act = find_activation(activation)
    if not act.convex:
        convex = ", ".join(name for name, row in ACTIVATIONS.items() if row.convex)
        remedy = f"it is not convex; one of {convex} or an even power is needed"
        raise InvalidArgumentError("activation", activation, remedy)
    biased = flag("bias", bias)

    def network(p: Namespace, x: Array, ops: Operations) -> Array:
        u = p.V @ x
        return p.U @ act(ops, u + p.b if biased else u)

    parameters: dict[str, tuple[int, ...]] = {"U": (d_out, hidden), "V": (hidden, d)}
    if biased:
        parameters["b"] = (hidden,)
    options: dict[str, Any] = {"activation": act.name, "d_out": d_out, "bias": biased}
    recipe = Recipe("input_convex", {"d": d, "hidden": hidden}, options, unnamed=["bias"] if biased else [])
    return recipe.build(parameters, {"x": (d,)}, network)
