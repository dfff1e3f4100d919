"""Which units feed which, as it is read from the graph of a network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lielaws import architecture, conv, mlp
from lielaws.engine.paths.streams import NotGatedError, Streams, read_streams


def _read(network: Any, parameters: dict[str, Any], **data: Any) -> Streams:
    return read_streams(architecture(network, parameters, data).traced)


def test_layers_of_a_fully_connected_network() -> None:
    streams = read_streams(mlp([3, 4, 2], bias=True).traced)
    assert (streams.inputs, streams.units) == (3, 7)
    hidden, output = streams.layers
    assert (hidden.start, hidden.size, output.size) == (3, 4, 2)
    blocks = {block.leaf.static.name: block for block in streams.blocks}
    assert blocks.keys() == {"W1", "b1", "W2"}
    weights, bias = blocks["W1"], blocks["b1"]
    assert not weights.is_bias
    assert bias.is_bias
    # Each unit of the data occurs once in the only group.
    assert weights.reach.toarray().tolist() == [[1, 1, 1, 0, 0, 0, 0]]
    assert weights.sizes == (4, 1, 3, 1)


def test_positions_of_a_convolution_are_groups() -> None:
    streams = read_streams(conv([2, 3, 1], kernel=2, size=4).traced)
    first, second = streams.blocks
    assert first.sizes == (3, 1, 4, 3)
    assert second.sizes == (1, 1, 6, 2)
    # Two channels of two neighbouring positions come together in each group.
    assert first.reach.sum(axis=1).tolist() == [4, 4, 4]


def test_an_average_is_a_sum_of_units_and_a_maximum_any_of_them() -> None:
    shapes = {"A": (4, 2), "C": (1, 2)}

    def largest(p: Any, x: Any, ops: Any) -> Any:
        units = ops.relu(p.A @ x).reshape(2, 2)
        return p.C @ ops.maximum(units[:, 0], units[:, 1])

    average = _read(lambda p, x, o: p.C @ o.relu(p.A @ x).reshape(2, 2).mean(1), shapes, x=(2,))
    for streams in (average, _read(largest, shapes, x=(2,))):
        assert len(streams.layers) == 2
        assert streams.blocks[1].reach.toarray().tolist() == [[0, 0, 1, 1, 1, 1]]


def test_what_is_added_comes_without_a_parameter() -> None:
    streams = _read(lambda p, x, o: o.relu(x + p.C @ o.relu(p.A @ x)), {"A": (3, 2), "C": (2, 3)}, x=(2,))
    argument = streams.layers[1].argument
    assert np.argwhere(argument.skip.units.toarray()).tolist() == [[0, 0], [1, 1]]
    assert [block.leaf.static.name for block, _ in argument.parts] == ["C"]


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (lambda p, x, o: p.C @ (p.A @ x), "multiplies parameters without a gate"),
        (lambda p, x, o: o.relu(p.C @ (p.A @ x)), "is not a tensor of parameters and gated units"),
        (lambda p, x, o: p.A.T @ o.relu(p.A @ x) + 0 * p.C[0, 0], "used 2 times"),
        (lambda p, x, o: p.C @ o.tanh(p.A @ x), "it has the operation"),
        (lambda p, x, o: p.C @ o.relu(o.relu(p.A @ x)), "no parameters of its own"),
        (lambda p, x, o: p.C @ (o.relu(p.A @ x) + o.relu(p.A @ x)), "one unit twice|operation"),
        (lambda p, x, o: p.C @ o.relu(p.A @ x) + 1, "it has the operation 'constant'"),
        (lambda p, x, o: o.relu((p.A @ x).sum() * p.C), "added up before"),
        (lambda p, x, o: p.C @ o.relu(o.named_constant("e") + p.A @ x), "the constant 'e'"),
    ],
)
def test_other_networks_are_refused_with_a_reason(network: Any, reason: str) -> None:
    with pytest.raises(NotGatedError, match=reason):
        _read(network, {"A": (3, 3), "C": (3, 3)}, x=(3,))
