"""What the theorem on paths asks of a network: one way between two units, and gates that are not tied."""

from __future__ import annotations

import numpy as np

from lielaws.arraytypes import BoolArray
from lielaws.engine.paths.streams import Block, Layer, NotGatedError


def check_routes(layer: Layer) -> None:
    """Between two units there is one parameter, or none, and one way."""
    parts = layer.argument.parts
    biases = np.zeros(layer.size, dtype=np.int64)
    for number, (block, place) in enumerate(parts):
        used = place[place >= 0]
        if block.is_bias:
            biases[place >= 0] += 1
            continue
        if len(np.unique(used)) < len(used):
            raise NotGatedError(f"an entry that depends on '{block.leaf.static.name}' is used twice")
        if block.reach.nnz and block.reach.data.max() > 1:
            raise NotGatedError(f"a unit meets two entries of '{block.leaf.static.name}' on the way to another unit")
        for other, places in parts[:number]:
            both = np.flatnonzero((place >= 0) & (places >= 0))
            if not other.is_bias:
                # All entries of the same groups have the same units.
                pairs = np.unique([block.result[1][place[both]], other.result[1][places[both]]], axis=1)
                _refuse_if(block.reach[pairs[0]].multiply(other.reach[pairs[1]]).nnz > 0, block)
        added = layer.argument.skip.units.tocoo()
        there = place[added.row] >= 0
        met, width = block.reach.tocoo(), block.reach.shape[1]
        ways = block.result[1][place[added.row[there]]] * width + added.col[there]
        _refuse_if(bool(np.isin(ways, met.row.astype(np.int64) * width + met.col).any()), block)
    if biases.max(initial=0) > 1:
        raise NotGatedError("two biases are added")


def _refuse_if(joined: bool, block: Block) -> None:
    if joined:
        raise NotGatedError(f"there are two ways between two units, one of them by '{block.leaf.static.name}'")


def check_gates(layer: Layer) -> None:
    """No two gates have proportional arguments: each has a product of a parameter and a unit of its own."""
    own = np.zeros(layer.size, dtype=np.bool_)
    for block, place in layer.argument.parts:
        if not block.is_bias:
            there = place >= 0
            own[there] |= _has_own(block)[block.result[1][place[there]]]
        elif len(np.unique(place[place >= 0])) == (place >= 0).sum():
            own |= place >= 0
    if not own.all():
        raise NotGatedError("the arguments of two gates may be proportional")


def _has_own(block: Block) -> BoolArray:
    """For each group (b, g), whether some unit meets some parameter there and in no other group."""
    _, b, _, g = block.sizes
    rows = block.rows.tocoo()
    # Rows are numbered by k, b, g in this order.
    cell, group = rows.row // g, rows.row // g % b * g + rows.row % g
    _, pair, counts = np.unique(cell * block.rows.shape[1] + rows.col, return_inverse=True, return_counts=True)
    found = np.zeros(b * g, dtype=np.bool_)
    found[group[counts[pair] == 1]] = True
    return found
