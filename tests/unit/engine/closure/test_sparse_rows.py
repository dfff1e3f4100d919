"""Gradients of single entries as sparse rows: the same as by the reverse pass, and where they are used."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

import lielaws
from lielaws import Architecture, GradientFlow, WeightDecay, from_phi
from lielaws.engine.closure import growth, sparse_rows
from lielaws.engine.flows.fields import Choice, VectorFields, vector_fields
from lielaws.engine.linalg.centred import LARGEST_PRIME

X = sympy.symbols("x0:9")


def _net(function: object, parameters: dict[str, tuple[int, ...]], data: dict[str, tuple[int, ...]]) -> Architecture:
    return lielaws.architecture(function, parameters, data)


def _graph_layer(p: object, x: object, ops: object) -> object:
    neighbours = np.array([[1, 2, 0], [0, 1, 0], [3, 0, 1]])
    return ops.relu(ops.array(neighbours) @ x @ p.A) @ p.C  # type: ignore[attr-defined]


def _mixed(p: object, x: object, ops: object) -> object:
    ratio = (p.A.T.reshape(-1)[::2].reshape(3, 1) + x.reshape(3, 1)) / (2 + p.b * p.b)  # type: ignore[attr-defined]
    return (ratio**3 - 5 * p.b).mean(axis=1) + ops.frozen("F", (3,)) * p.b[0]  # type: ignore[attr-defined]


NETWORKS = [
    lielaws.linear([3, 2, 4]),
    lielaws.mlp([3, 4, 2], "leaky_relu", bias=True),
    lielaws.conv([1, 2, 1], 2, 4),
    _net(_graph_layer, {"A": (2, 3), "C": (3, 2)}, {"x": (3, 2)}),
    _net(_mixed, {"A": (2, 3), "b": (2,)}, {"x": (3,)}),
    from_phi(X[:4], [X[0] * X[1] ** 2, X[2] / (1 + X[3]), X[0] + 3 * X[3] ** 5]),
    from_phi(X[:3], [X[0] * X[1] + X[1] * X[2]]),
]


def _fields(arch: Architecture, flow: object = None) -> VectorFields:
    return vector_fields(flow or GradientFlow(), arch.potential_for("any"))  # type: ignore[arg-type]


@pytest.fixture
def anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sparse rows for networks of all sizes and of any fill."""
    for name, value in {"_LEAST_DRAWN": 0, "_LARGEST_CORE": 1.0, "_LONGEST_MEAN": 10**6}.items():
        monkeypatch.setattr(sparse_rows, name, value)
    monkeypatch.setattr(growth, "LEAST_SPARSE", 0)


@pytest.mark.usefixtures("anywhere")
@pytest.mark.parametrize("arch", NETWORKS, ids=lambda arch: arch.name)
def test_rows_are_gradients_by_the_reverse_pass(arch: Architecture) -> None:
    fields, rng = _fields(arch), np.random.default_rng(1)
    point = fields.draw_points(rng, 1, LARGEST_PRIME)
    found = sparse_rows.sparse_rows(fields, point, rng)
    assert found is not None
    node = sparse_rows.entries_node(fields.potential.output)
    picked = node is not fields.potential.output
    rows = found.rows.toarray()
    for number in range(0, len(rows), max(1, len(rows) // 40)):
        sample, entry = divmod(number, found.size)
        values = {leaf: array[None, sample : sample + 1] for leaf, array in found.samples.items()}
        unit = np.eye(found.size, dtype=np.int64)[entry]
        cotangent = fields.potential.free_cotangent
        values[cotangent.static] = np.ones((1, 1), dtype=np.int64) if picked else unit.reshape(1, 1, *cotangent.shape)
        if picked:
            (data,) = fields.potential.traced.data.values()
            values[data.static] = unit[None, None]
        one = Choice({**values, **point.constants}, 1)
        assert (fields.evaluate(point.vector, one, point.arithmetic)[0, 0] == rows[number]).all()


@pytest.mark.usefixtures("anywhere")
@pytest.mark.parametrize("arch", NETWORKS, ids=lambda arch: arch.name)
def test_growth_is_that_of_the_dense_kernel(arch: Architecture, monkeypatch: pytest.MonkeyPatch) -> None:
    sparse = lielaws.discover_laws(arch)
    assert sparse.brackets.sparse is not None
    assert lielaws.verify(sparse.certificate)
    assert "gradients of single entries" in sparse.evidence
    monkeypatch.setattr(growth, "LEAST_SPARSE", 10**9)
    dense = lielaws.discover_laws(arch)
    assert dense.evidence == ""
    assert sparse.growth == dense.growth
    assert len(sparse.laws) == len(dense.laws)
    assert all(dense.contains(law.expr) for law in sparse.laws)


@pytest.mark.usefixtures("anywhere")
def test_only_gradient_flow_of_any_loss_with_all_patterns_has_such_rows() -> None:
    rng = np.random.default_rng(0)
    arch = lielaws.linear([2, 3, 2])
    for fields in (
        _fields(arch, WeightDecay("1/10")),
        vector_fields(GradientFlow(), arch.potential_for("cross_entropy")),
        _fields(lielaws.mlp([2, 3, 2], "tanh")),
    ):
        assert sparse_rows.sparse_rows(fields, fields.draw_points(rng, 1, LARGEST_PRIME), rng) is None


def test_dense_networks_are_eliminated_as_they_are() -> None:
    rng = np.random.default_rng(0)
    for arch in (lielaws.linear([40, 40, 40, 40]), lielaws.linear([5, 8, 5])):
        fields = _fields(arch)
        assert sparse_rows.sparse_rows(fields, fields.draw_points(rng, 1, LARGEST_PRIME), rng) is None


def test_entries_are_picked_only_of_the_factor_of_all_data() -> None:
    def twice(p: object, x: object, ops: object) -> object:
        return ops.dot(x, x * p.a)  # type: ignore[attr-defined]

    def part(p: object, x: object, ops: object) -> object:
        return (x * p.a).sum(axis=0)  # type: ignore[attr-defined]

    def once(p: object, x: object, ops: object) -> object:
        return ops.dot(p.a * 2, x)  # type: ignore[attr-defined]

    def node_of(function: object, shape: tuple[int, ...]) -> object:
        output = _net(function, {"a": shape}, {"x": shape}).potential.output
        return sparse_rows.entries_node(output) is output

    assert node_of(twice, (3,))
    assert node_of(part, (3, 2))
    assert not node_of(once, (3,))
