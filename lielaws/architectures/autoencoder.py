"""Autoencoders whose decoder is the transposed encoder."""

from __future__ import annotations

from lielaws.architectures.activations import find_activation
from lielaws.architectures.family import Architecture, Array, Namespace, Operations, Recipe
from lielaws.checks import positive_ints


def tied_autoencoder(d: int, hidden: int, activation: str = "relu") -> Architecture:
    """W^T act(W x) with one parameter W of shape (hidden, d); x has shape (d,).

    activation : as in :func:`lielaws.mlp`; "linear" gives phi = W^T W, whose laws need not be polynomial (DESIGN 3)

    Laws: arXiv 2307.00144, section 3. Raises InvalidArgumentError for sizes that are no positive integers.
    """
    d, hidden = positive_ints(d=d, hidden=hidden)
    act = find_activation(activation)

    def network(p: Namespace, x: Array, ops: Operations) -> Array:
        return p.W.T @ act(ops, p.W @ x)

    options = {"activation": act.name}
    recipe = Recipe("tied_autoencoder", {"d": d, "hidden": hidden}, options, front=options)
    return recipe.build({"W": (hidden, d)}, {"x": (d,)}, network)
