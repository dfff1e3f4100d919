"""Laws that theorems tell against brackets, on random networks of the kinds that they are about."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lielaws
from lielaws import discover as stages
from lielaws.architectures.base import Architecture
from lielaws.engine.paths.streams import NotGatedError
from lielaws.engine.paths.unit_classes import unit_classes
from lielaws.engine.theorems.product_laws import ProductLaws

CASES = 500
_ACTIVATIONS = ("relu", "abs", "leaky_relu")


def dense_network(rng: np.random.Generator) -> Architecture:
    """Layers that read some of the earlier ones, with biases, skips and activations by chance."""
    depth, inputs = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    widths = [inputs, *rng.integers(1, 4, depth).tolist(), int(rng.integers(1, 4))]
    parameters: dict[str, tuple[int, ...]] = {}
    plan: list[tuple[list[int], list[int], bool, str]] = []
    for layer in range(1, depth + 2):
        reads = [k for k in range(layer) if rng.random() < (1 if k == layer - 1 else 0.4)]
        adds = [k for k in range(layer) if widths[k] == widths[layer] and rng.random() < 0.2]
        biased, kind = bool(rng.random() < 0.4), str(rng.choice(_ACTIVATIONS))
        plan.append((reads, adds, biased, kind))
        parameters |= {f"W{layer}{k}": (widths[layer], widths[k]) for k in reads}
        parameters |= {f"b{layer}": (widths[layer],)} if biased else {}

    def network(p: Any, x: Any, ops: Any) -> Any:
        streams = [x]
        for layer, (reads, adds, biased, kind) in enumerate(plan, start=1):
            total = sum((streams[k] for k in adds), p[f"W{layer}{reads[0]}"] @ streams[reads[0]])
            for k in reads[1:]:
                total = total + p[f"W{layer}{k}"] @ streams[k]
            total = total + p[f"b{layer}"] if biased else total
            streams.append(total if layer == len(plan) else getattr(ops, kind)(total))
        return streams[-1]

    return lielaws.architecture(network, parameters, {"x": (inputs,)})


def convolution(rng: np.random.Generator) -> Architecture:
    channels = rng.integers(1, 3, int(rng.integers(2, 4)) + 1).tolist()
    options: dict[str, Any] = {"padding": int(rng.integers(0, 2)), "bias": bool(rng.integers(0, 2))}
    options["stride"] = int(rng.integers(1, 3))
    if rng.random() < 0.5:
        options |= {"pooling": str(rng.choice(["max", "average"]))}
    kernel, size = int(rng.integers(1, 4)), int(rng.integers(4, 12))
    try:
        return lielaws.conv(channels, kernel, size, **options)
    except lielaws.LieLawsError:
        # Too small for so many layers.
        return convolution(rng)


def compared(architecture: Architecture, loss: str, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether units decide; then counts, laws and both certificates are those of brackets."""
    try:
        unit_classes(architecture.traced, loss)
    except NotGatedError:
        return False
    by_brackets = lielaws.discover_laws(architecture, loss=loss)
    monkeypatch.setattr(stages, "LEAST_BY_THEOREM", 0)
    by_units = lielaws.discover_laws(architecture, loss=loss)
    monkeypatch.undo()
    assert by_units.n_laws == by_brackets.n_laws
    assert by_units.complete
    assert all(by_units.contains(law) for law in by_brackets.laws)
    assert all(by_brackets.contains(law) for law in by_units.laws)
    assert by_units.growth[-1] == by_brackets.growth[-1]
    assert lielaws.verify(by_units.certificate)
    return True


@pytest.mark.parametrize("start", range(0, CASES, 50))
def test_units_agree_with_brackets(start: int, monkeypatch: pytest.MonkeyPatch) -> None:
    decided = 0
    for seed in range(start, start + 50):
        rng = np.random.default_rng(seed)
        architecture = dense_network(rng) if seed % 3 else convolution(rng)
        loss = "cross_entropy" if seed % 5 == 1 and architecture.output_shape[-1] > 1 else "any"
        decided += compared(architecture, loss, monkeypatch)
    assert decided >= 25


def product(rng: np.random.Generator) -> Architecture:
    """A network that depends on products of matrices, its tensors in any order and with any names."""
    sizes = rng.integers(1, 5, 4).tolist()
    match int(rng.integers(0, 3)):
        case 0:
            names = rng.permutation(["a", "b"]).tolist()
            shapes = dict(zip(names, [(sizes[0], sizes[1]), (sizes[2], sizes[0])], strict=True))
            ordered = {name: shapes[name] for name in sorted(shapes)}
            return lielaws.architecture(lambda p, x, ops: p[names[1]] @ (p[names[0]] @ x), ordered, {"x": (sizes[1],)})
        case 1:
            heads = int(rng.integers(1, 4))
            options = {"kv_heads": int(rng.integers(1, heads + 1)), "causal": bool(rng.integers(0, 2))}
            tokens, width = int(rng.integers(2, 4)), int(rng.integers(1, 4))
            return lielaws.attention(width, int(rng.integers(1, 4)), heads, d_value=sizes[0], tokens=tokens, **options)
        case _:
            activation = str(rng.choice(["silu", "gelu", "sigmoid", "tanh"]))
            return lielaws.glu(sizes[0], sizes[1], activation, d_out=sizes[2])


@pytest.mark.parametrize("start", range(0, CASES // 2, 50))
def test_products_agree_with_brackets(start: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(start, start + 50):
        architecture = product(np.random.default_rng(seed))
        by_brackets = lielaws.discover_laws(architecture)
        with monkeypatch.context() as small:
            small.setattr(stages, "LEAST_BY_THEOREM", 0)
            by_theorem = lielaws.discover_laws(architecture)
        assert isinstance(by_theorem.laws, ProductLaws)
        assert by_theorem.growth == by_brackets.growth
        assert by_theorem.complete == by_brackets.complete
        assert all(by_theorem.contains(law) for law in by_brackets.laws)
        assert all(by_brackets.contains(law) for law in by_theorem.laws)
        assert lielaws.verify(by_theorem.certificate)


@pytest.mark.parametrize("seed", range(100))
def test_chains_agree_with_brackets(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a theorem leaves a gap, as with bottlenecks of width one, it says so."""
    rng = np.random.default_rng(seed)
    depth = int(rng.integers(4, 6))
    architecture = lielaws.linear(rng.integers(1, 5 if depth == 4 else 4, depth).tolist())
    by_brackets = lielaws.discover_laws(architecture)
    monkeypatch.setattr(stages, "LEAST_BY_THEOREM", 0)
    monkeypatch.setattr(stages, "_MOST_BY_BRACKETS", 0)
    by_theorem = lielaws.discover_laws(architecture)
    assert len(by_theorem.laws) <= by_brackets.n_laws <= by_theorem.n_laws
    if isinstance(by_theorem.laws, ProductLaws):
        assert by_theorem.growth[0] == by_brackets.growth[0]
        assert all(by_brackets.contains(law) for law in by_theorem.laws)
        assert all(by_theorem.contains(law) for law in by_brackets.laws if by_theorem.complete)
        assert lielaws.verify(by_theorem.certificate)


@pytest.mark.parametrize("widths", [[1, 2, 2, 1], [1, 2, 2, 1, 2]])
def test_laws_that_are_missing_stay_missing(widths: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "LEAST_BY_THEOREM", 0)
    report = lielaws.discover_laws(lielaws.linear(widths))
    assert not report.complete
    assert report.missing == 1


@pytest.mark.parametrize("arch", ["relu+bias:40-20-30-5", "linear:40-20-30", "linear:12-20-30-20"])
def test_laws_are_evaluated_together_as_one_by_one(arch: str) -> None:
    report, rng = lielaws.discover_laws(arch), np.random.default_rng(0)
    assert report.complete
    params = {name: rng.normal(size=shape) for name, shape in report.space.shapes.items()}
    (values,) = report.evaluate([params])
    for k in rng.integers(0, len(report.laws), 20).tolist():
        assert values[k] == pytest.approx(report.laws[k].evaluate(params), abs=1e-9)
    assert np.allclose(np.concatenate([group.evaluate(params) for group in report.groups]), values)
    assert sum(group.count for group in report.groups) == len(report.laws) == len(list(report.laws[:]))
    assert report.laws[-1].name == report.laws[len(report.laws) - 1].name
    assert [law.name for law in report.laws[2:9:3]] == [report.laws[k].name for k in (2, 5, 8)]
    with pytest.raises(IndexError):
        report.laws[len(report.laws)]


@pytest.mark.parametrize("seed", range(5))
def test_all_laws_hold_along_a_flow(seed: int) -> None:
    """Gradient steps that are small change laws of units by the square of the step, and no law along one direction."""
    report = lielaws.discover_laws("relu+bias:30-25-20-5")
    rng, architecture = np.random.default_rng(seed), report.architecture
    params = {name: rng.normal(size=shape) / 5 for name, shape in report.space.shapes.items()}
    x, w = rng.normal(size=(1, 30)), rng.normal(size=(1, 5))
    slopes = architecture.pullback(params, x, w)
    changes = []
    for step in (1e-3, 2e-3):
        moved = {name: params[name] - step * slopes[name] for name in params}
        start, end = report.evaluate([params, moved])
        changes.append(np.abs(end - start).max())
    assert changes[1] == pytest.approx(4 * changes[0], rel=1e-6)


def _patches(x: Any, ops: Any) -> Any:
    return ops.patches(x, 2, 1)


def _depthwise(p: Any, x: Any, ops: Any) -> Any:
    inner = ops.relu(ops.einsum("oc,cp->op", p.S, x))
    return ops.einsum("oc,cp->op", p.P, ops.relu(ops.einsum("ck,cpk->cp", p.D, _patches(inner, ops))))


def _joined(p: Any, x: Any, ops: Any) -> Any:
    return p.C @ ops.concatenate([ops.relu(p.A @ x), ops.abs(p.B @ x), x])


# Network, parameters, data, and the number of laws.
WRITTEN: dict[str, tuple[Any, dict[str, Any], dict[str, Any], int]] = {
    "gates that are outputs": (lambda p, x, ops: ops.relu(p.A @ x + p.b), {"A": (2, 3), "b": (2,)}, {"x": (3,)}, 0),
    "data that get a bias": (lambda p, x, ops: p.C @ ops.relu(x + p.b), {"C": (2, 3), "b": (3,)}, {"x": (3,)}, 0),
    "gates of biases alone": (
        lambda p, x, ops: p.C @ ops.relu(p.b) + p.A @ x,
        {"C": (2, 3), "b": (3,), "A": (2, 2)},
        {"x": (2,)},
        3,
    ),
    "no data": (lambda p, ops: p.C @ ops.relu(p.b), {"C": (2, 3), "b": (3,)}, {}, 3),
    "gains": (lambda p, x, ops: ops.relu(p.g * ops.relu(p.A @ x)), {"A": (2, 3), "g": (2,)}, {"x": (3,)}, 2),
    "a bias of all units": (
        lambda p, x, ops: p.C @ ops.relu(p.A @ x + p.b),
        {"A": (3, 2), "b": (), "C": (2, 3)},
        {"x": (2,)},
        1,
    ),
    "depthwise": (_depthwise, {"S": (2, 2), "D": (2, 2), "P": (2, 2)}, {"x": (2, 4)}, 4),
    "maxima of data": (
        lambda p, x, ops: p.C @ ops.relu(p.A @ ops.maximum(x[:2], x[2:])),
        {"A": (3, 2), "C": (2, 3)},
        {"x": (4,)},
        3,
    ),
    "averages over positions": (
        lambda p, x, ops: p.C @ ops.relu(ops.einsum("oik,ipk->op", p.W, _patches(x, ops))).mean(1),
        {"W": (3, 1, 2), "C": (2, 3)},
        {"x": (1, 5)},
        3,
    ),
    "tokens": (lambda p, x, ops: ops.relu(x @ p.A.T) @ p.B.T, {"A": (4, 3), "B": (2, 4)}, {"x": (3, 3)}, 4),
    "joined": (_joined, {"A": (3, 2), "B": (2, 2), "C": (2, 7)}, {"x": (2,)}, 5),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_networks_as_people_write_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network, parameters, data, count = WRITTEN[name]
    architecture = lielaws.architecture(network, parameters, data)
    assert unit_classes(architecture.traced).count == count
    assert compared(architecture, "any", monkeypatch)


@pytest.mark.parametrize("arch", ["relu+bias:2-3-2", "linear:2-3-2", "linear:2-3-2-2", "glu:2-3"])
def test_lists_of_laws_are_checked_alike(arch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    report = lielaws.discover_laws(arch)
    names = list(report.space.shapes)
    wrong = [f"{names[-1]}[0,0]**2", f"{names[0]}[0,0]**2 - {names[-1]}[0,0]**2", f"{names[0]}[0,1]*{names[-1]}[1,0]"]
    candidates = [*report.laws, *wrong, report.laws[0].expr * report.laws[1].expr]
    by_brackets = lielaws.check_laws(arch, candidates)
    monkeypatch.setattr(stages, "LEAST_BY_THEOREM", 0)
    by_theorem = lielaws.check_laws(arch, candidates)
    assert [law.holds for law in by_theorem.laws] == [law.holds for law in by_brackets.laws]
    assert [law.redundant for law in by_theorem.laws] == [law.redundant for law in by_brackets.laws]
    assert by_theorem.n_laws == by_brackets.n_laws
