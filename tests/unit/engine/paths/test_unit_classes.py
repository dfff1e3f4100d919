"""Classes of units, and what their parameters lead to."""

from __future__ import annotations

from typing import Any

import pytest

from lielaws import architecture, conv, mlp
from lielaws.engine.paths.streams import NotGatedError
from lielaws.engine.paths.unit_classes import Classes, unit_classes


def _classes(network: Any, parameters: dict[str, Any], data: dict[str, Any], loss: str = "any") -> Classes:
    return unit_classes(architecture(network, parameters, data).traced, loss)


def test_each_hidden_unit_is_a_class() -> None:
    classes = unit_classes(mlp([2, 3, 2], bias=True).traced)
    weights, bias, last = classes.edges
    assert classes.count == 3
    assert weights.heads.tolist() == [[1], [2], [3]]
    assert weights.tails.tolist() == [[0]]
    assert bias.heads.tolist() == [1, 2, 3]
    assert (last.heads.tolist(), last.tails.tolist()) == ([[0]], [[1, 2, 3]])
    assert classes.ranks == (6 + 3 + 6 - 3,) * 2


def test_a_channel_is_a_class_whatever_its_positions() -> None:
    classes = unit_classes(conv([1, 2, 2], kernel=3, size=6, padding=1).traced)
    assert classes.count == 2
    assert classes.edges[0].heads.shape == (2, 1, 1)


def test_units_that_are_added_are_one_class() -> None:
    def stream(p: Any, x: Any, ops: Any) -> Any:
        s = ops.relu(p.S @ x)
        return p.O @ ops.relu(s + p.C @ ops.relu(p.A @ s))

    classes = _classes(stream, {"S": (2, 2), "A": (3, 2), "C": (2, 3), "O": (1, 2)}, {"x": (2,)})
    heads = {edges.name: edges.heads.ravel().tolist() for edges in classes.edges}
    assert classes.count == 5
    assert heads["S"] == heads["C"]


def test_units_that_join_the_data_have_no_law() -> None:
    classes = _classes(lambda p, x, o: p.C @ o.relu(x + p.b), {"b": (3,), "C": (2, 3)}, {"x": (3,)})
    assert classes.count == 0


def test_sums_over_outputs_with_cross_entropy() -> None:
    classes = unit_classes(mlp([2, 3, 4], bias=True, output_bias=True).traced, "cross_entropy")
    assert classes.sums == (("W2", 0), ("b2", 0))
    assert classes.n_sums == 3 + 1


@pytest.mark.parametrize(
    ("arch", "reason"),
    [
        (conv([1, 2, 2, 1], kernel=3, size=1, padding=1), "no path has some entries"),
        (
            architecture(lambda p, x, o: p.C @ o.relu(p.A @ x)[:2], {"A": (3, 2), "C": (1, 2)}, {"x": (2,)}),
            "other positions|no path has some entries",
        ),
        (
            architecture(
                lambda p, x, o: p.C @ o.relu(p.A @ x + p.B @ x), {"A": (3, 2), "B": (3, 2), "C": (1, 3)}, {"x": (2,)}
            ),
            "two ways between two units",
        ),
        (
            architecture(
                lambda p, x, o: p.C @ o.relu(o.stack([p.a @ x, 2 * p.b @ x])) + p.d * o.abs(p.b @ x),
                {"a": (2,), "b": (2,), "C": (1, 2), "d": (1,)},
                {"x": (2,)},
            ),
            "used",
        ),
    ],
)
def test_hypotheses_are_checked(arch: Any, reason: str) -> None:
    with pytest.raises(NotGatedError, match=reason):
        unit_classes(arch.traced)
