"""Statements on products, fully connected networks and losses."""

from __future__ import annotations

from functools import partial
from typing import Any

from lielaws.architectures.base import Architecture, architecture
from lielaws.architectures.composition import residual, sequential
from lielaws.architectures.mlp import linear, mlp
from lielaws.audit.statement import Finding, Instance, Probe, Statement
from lielaws.check import check_laws
from lielaws.discover import discover_laws

_MOST_REGIONS = 6
_BALANCED = "W1 @ W1.T - W2.T @ W2"


def _product(count: int) -> Architecture:
    def network(p: Any, x: Any, ops: Any) -> Any:
        for k in range(1, count + 1):
            x = x * p[f"x{k}"]
        return x

    return architecture(network, {f"x{k}": () for k in range(1, count + 1)}, {"x": ()}, name=f"x1 ... x{count}")


def _unit(activation: str, bias: bool = False) -> Architecture:
    return mlp([2, 1, 1], activation, bias=bias)


def _units(claimed: int, *activations: str) -> tuple[Instance, ...]:
    return tuple(Instance(f"s = {name}", partial(_unit, name), claimed) for name in activations)


def _deep_balanced(widths: list[int]) -> Instance:
    """The balanced laws between neighbours: as many as their matrices have entries."""
    claimed = sum(r * (r + 1) // 2 for r in widths[1:-1])
    laws = tuple(f"W{k} @ W{k}.T - W{k + 1}.T @ W{k + 1}" for k in range(1, len(widths) - 1))
    return Instance("widths " + "-".join(map(str, widths)), lambda: linear(widths), claimed, laws)


def _per_unit(widths: list[int], activation: str, degree: int) -> Instance:
    laws = tuple(f"sum(W1[{k},:]**2) - {degree} * sum(W2[:,{k}]**2)" for k in range(widths[1]))
    return Instance(
        f"t^{degree}, widths {'-'.join(map(str, widths))}", lambda: mlp(widths, activation), widths[1], laws
    )


def _relu(widths: list[int], *, bias: bool = False, seed: int | None = None) -> Instance:
    settings = {} if seed is None else {"gates": "realizable", "seed": seed}
    label = f"widths {'-'.join(map(str, widths))}" + (", hidden bias" if bias else "")
    label += ", free gates" if seed is None else f", a region (seed {seed})"
    return Instance(label, lambda: mlp(widths, "relu", bias=bias), sum(widths[1:-1]), (), settings)


def _scalar_stream() -> Architecture:
    def network(p: Any, x: Any, ops: Any) -> Any:
        x = x + p.u * ops.relu(p.v * x)
        return x + p.s * ops.relu(p.t * x)

    shapes = dict.fromkeys("uvst", ())
    return architecture(network, shapes, {"x": ()}, name="two ReLU blocks on a scalar stream")


def _stream_regions(agree: bool) -> Probe:
    """Regions in which the signs of t, v and u agree, or not: whether the two laws hold, and how many there are."""
    laws = ["u**2 - v**2", "s**2 - t**2"]

    def run() -> Finding:
        counts, hold = [], True
        for seed in range(_MOST_REGIONS):
            settings: dict[str, Any] = {"gates": "realizable", "seed": seed}
            report = discover_laws(_scalar_stream(), find_laws=False, **settings)
            point = report.region
            if (point["t"] * point["u"] > 0 and point["v"] * point["u"] > 0) == agree:
                counts.append(report.n_laws)
                hold = hold and check_laws(_scalar_stream(), laws, **settings).all_hold
        good = hold and bool(counts) and (not agree or set(counts) == {3})
        text = f"{'the two laws hold' if hold else 'a claimed law fails'}; {', '.join(map(str, counts))} laws"
        return Finding(good, f"{text} in {len(counts)} regions")

    label = f"regions where the signs of t, v and u {'agree' if agree else 'do not agree'}"
    return Probe(label, "the two laws and a third" if agree else "the two laws", run)


def layered_statements() -> tuple[Statement, ...]:
    """G1 to G8, G16 to G18, G25 to G30, C1 and C2."""
    paper = "arXiv 2307.00144"
    block = residual(mlp([2, 3, 2]))
    return (
        Statement(
            "G1",
            "phi = x1 ... xD: laws x_i^2 - x_j^2, D - 1, complete",
            paper,
            tuple(
                Instance(f"D = {d}", partial(_product, d), d - 1, tuple(f"x1**2 - x{k}**2" for k in range(2, d + 1)))
                for d in (1, 2, 3, 6)
            ),
        ),
        Statement(
            "G2",
            "two-layer linear: U^T U - V^T V, r(r+1)/2 laws where (U; V) has full column rank, complete",
            paper,
            tuple(
                Instance(f"{n}-{r}-{m}", partial(linear, [n, r, m]), r * (r + 1) // 2, (_BALANCED,))
                for n, r, m in ((1, 1, 1), (2, 3, 2), (2, 2, 1), (1, 2, 1), (2, 4, 2), (3, 1, 2))
            ),
        ),
        Statement(
            "G3",
            "deep linear: U_i^T U_i - U_{i+1} U_{i+1}^T between neighbours, no others",
            paper,
            tuple(_deep_balanced(w) for w in ([2, 2, 2, 2], [3, 3, 3, 3], [2, 3, 3, 2], [1, 2, 2, 1], [2, 2, 5, 2])),
        ),
        Statement(
            "G4",
            "two-layer ReLU: one law per hidden unit, with hidden bias too; complete",
            paper,
            (
                _relu([2, 3, 2]),
                _relu([2, 3, 2], bias=True),
                _relu([1, 1, 1]),
                _relu([1, 3, 1]),
                _relu([2, 3, 2], seed=0),
                _relu([1, 3, 1], seed=0),
            ),
        ),
        Statement(
            "G5",
            "deep ReLU, path-lifting: one law per hidden unit, no others",
            "arXiv 2307.00144, arXiv 2508.07370",
            (_relu([2, 2, 2, 2]), _relu([2, 3, 3, 2], bias=True), _relu([1, 2, 2, 1]), _relu([2, 3, 3, 2], seed=1)),
        ),
        Statement(
            "G6",
            "one unit u s(v.x): a law exists if and only if s is positively homogeneous",
            "slides on arXiv 2307.00144",
            _units(1, "linear", "relu", "leaky_relu", "abs", "square", "cube", "relu2")
            + _units(0, "tanh", "sigmoid", "softplus", "silu", "gelu", "sin", "exp"),
        ),
        Statement(
            "G7",
            "one hidden layer, s(t) = t^k: k |out|^2 - |in|^2 per unit; the number of hidden units",
            "arXiv 2609.34549",
            (
                _per_unit([2, 3, 2], "square", 2),
                _per_unit([2, 3, 2], "cube", 3),
                _per_unit([2, 2, 1], "power5", 5),
                _per_unit([1, 2, 1], "square", 2),
                _per_unit([1, 1, 1], "square", 2),
                _per_unit([1, 3, 2], "cube", 3),
                _per_unit([2, 4, 1], "square", 2),
            ),
        ),
        Statement(
            "G8",
            "a residual connection x + g(theta, x) has exactly the laws of g",
            "arXiv 2506.06194 Prop. 3.2",
            (
                Instance("g = relu 2-3-2", lambda: residual(mlp([2, 3, 2])), 3),
                Instance("g = linear 2-3-2", lambda: residual(linear([2, 3, 2])), 6, (_BALANCED,)),
                Instance("g = linear 1-1", lambda: residual(linear([1, 1])), 0),
            ),
        ),
        Statement(
            "G16",
            "GELU and SiLU networks with one hidden layer: no law",
            "arXiv 2606.17816 Thm 4.1",
            tuple(
                Instance(
                    f"{s} {'-'.join(map(str, w))}{' with bias' if b else ''}",
                    partial(mlp, w, s, bias=b),
                    0,
                )
                for s in ("gelu", "silu")
                for w, b in (([3, 4, 3], False), ([1, 1, 1], False), ([1, 3, 1], False), ([2, 2, 2], True))
            ),
        ),
        Statement(
            "G17",
            "tanh, sigmoid, softplus, sin networks with one hidden layer: no law",
            "folklore",
            tuple(
                Instance(f"{s}{' with bias' if b else ''}", partial(mlp, [2, 2, 2], s, bias=b), 0)
                for s in ("tanh", "sigmoid", "softplus", "sin")
                for b in (False, True)
            ),
        ),
        Statement(
            "G18",
            "exp network with one hidden layer: no law",
            "folklore",
            (
                Instance("no bias", lambda: mlp([2, 2, 2], "exp"), 0),
                Instance("hidden bias", lambda: mlp([2, 2, 2], "exp", bias=True), 0),
            ),
        ),
        Statement("G25", "p0 exp(2 p1) x: p1 - p0^2", "arXiv 2609.34549 App. B.2", (_exponential(),)),
        Statement(
            "G26",
            "deep square linear networks: at most (L-1) d^2 symmetries; laws (L-1) d (d+1)/2",
            "arXiv 2609.34549 Prop. 20",
            tuple(
                Instance(
                    f"d = {d}, L = {depth}",
                    partial(linear, [d] * (depth + 1)),
                    (depth - 1) * d * (d + 1) // 2,
                    symmetries=(depth - 1) * d * d,
                )
                for d, depth in ((1, 2), (1, 3), (2, 2), (2, 3), (3, 3), (2, 4), (4, 2))
            ),
        ),
        Statement(
            "G27",
            "two ReLU residual blocks on a scalar stream: the two laws of the blocks; in a region where the signs of "
            "t, v and u agree, a third",
            "arXiv 2506.06194 Ex. 4.8",
            (
                Instance("free gates", _scalar_stream, 2),
                _stream_regions(agree=True),
                _stream_regions(agree=False),
            ),
        ),
        Statement(
            "G28",
            "laws of one residual block inside a deep network are those of the block alone",
            "arXiv 2506.06194 Thm 4.6",
            (
                Instance(
                    "relu 2-3-2, first of two",
                    lambda: sequential(block, block),
                    3,
                    (),
                    {"parameters": ["1.W1", "1.W2"]},
                ),
                Instance(
                    "relu 2-3-2, second of two",
                    lambda: sequential(block, block),
                    3,
                    (),
                    {"parameters": ["2.W1", "2.W2"]},
                ),
            ),
        ),
        Statement(
            "G29",
            "across a skip connection there is no law of the neighbouring pair",
            "arXiv 2506.06194 Thm 4.7",
            (
                Instance("relu 2-3-2 twice", lambda: sequential(block, block), 0, (), {"parameters": ["1.W2", "2.W1"]}),
                Instance(
                    "linear 2-2-2 twice",
                    lambda: sequential(residual(linear([2, 2, 2])), residual(linear([2, 2, 2]))),
                    0,
                    (),
                    {"parameters": ["1.W2", "2.W1"]},
                ),
            ),
        ),
        Statement(
            "G30",
            "wide tanh networks have the law 1/2 (|U|^2 - sum cosh^2 V) for any data",
            "arXiv 2210.17216, read for any data",
            (
                Instance("1-1-1", lambda: mlp([1, 1, 1], "tanh"), 1),
                Instance("scalar input", lambda: mlp([1, 2, 1], "tanh"), 1),
                Instance("2-2-2", lambda: mlp([2, 2, 2], "tanh"), 1),
            ),
        ),
        Statement(
            "C1",
            "softmax layer with cross-entropy, theta n x m: the m column sums, complete",
            "arXiv 2506.06194 Prop. 3.11",
            tuple(
                Instance(
                    f"n = {n}, m = {m}",
                    partial(linear, [m, n]),
                    m,
                    ("sum(W1, axis=0)",),
                    {"loss": "cross_entropy"},
                )
                for n, m in ((2, 1), (3, 2), (4, 3), (2, 3))
            ),
        ),
        Statement(
            "C2",
            "a ReLU network with cross-entropy: hidden-unit laws and the column sums of the last layer",
            "follows",
            (
                Instance("2-3-3", lambda: mlp([2, 3, 3]), 6, ("sum(W2, axis=0)",), {"loss": "cross_entropy"}),
                Instance("1-1-2", lambda: mlp([1, 1, 2]), 2, ("sum(W2, axis=0)",), {"loss": "cross_entropy"}),
                Instance("2-3-3-3", lambda: mlp([2, 3, 3, 3]), 9, ("sum(W3, axis=0)",), {"loss": "cross_entropy"}),
                Instance("1-2-1-2", lambda: mlp([1, 2, 1, 2]), 4, ("sum(W3, axis=0)",), {"loss": "cross_entropy"}),
            ),
        ),
    )


def _exponential() -> Instance:
    def network(p: Any, x: Any, ops: Any) -> Any:
        return p.p0 * ops.exp(2 * p.p1) * x

    def build() -> Architecture:
        return architecture(network, {"p0": (), "p1": ()}, {"x": ()}, name="p0 exp(2 p1) x")

    return Instance("scalar x", build, 1, ("p1 - p0**2",))
