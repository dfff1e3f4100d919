"""Counts and laws that are published, each with its source. The library computes; the numbers stand here alone."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
import sympy as sp

import lielaws
from lielaws import conv, discover_laws, from_phi, linear, mlp, residual, sequential

X = sp.symbols("x1:9")

COUNTS = [
    # architecture, D, laws, source
    (linear([2, 3, 2]), 12, 6, "arXiv 2307.00144 Prop. 4.1"),
    (linear([3, 3, 3, 3]), 27, 12, "arXiv 2307.00144 Prop. 4.1"),
    (linear([9, 9, 9, 9, 9]), 324, 135, "arXiv 2307.00144 Prop. 4.1"),
    (linear([10, 20, 10]), 400, 210, "arXiv 2307.00144 Prop. 4.1"),
    (mlp([2, 3, 2]), 12, 3, "arXiv 2307.00144 section 4"),
    (mlp([3, 4, 3]), 24, 4, "arXiv 2307.00144 section 4"),
    (mlp([2, 3, 2], bias=True), 15, 3, "arXiv 2307.00144 section 4"),
    (mlp([9, 9, 9, 9, 9], bias=True), 351, 27, "arXiv 2307.00144 section 4, arXiv 2508.07370"),
    (mlp([1, 3, 1]), 6, 3, "arXiv 2307.00144, free gates"),
    (mlp([2, 3, 3, 2]), 21, 6, "arXiv 2508.07370, free gates"),
    (from_phi(X[:4], [sp.prod(X[:4])]), 4, 3, "arXiv 2307.00144: differences of squares"),
    (from_phi(X, [sp.prod(X)]), 8, 7, "arXiv 2307.00144: differences of squares"),
    (mlp([2, 3, 2], "square"), 12, 3, "arXiv 2609.34549: k |out|^2 - |in|^2"),
    (mlp([2, 3, 2], "cube"), 12, 3, "arXiv 2609.34549"),
    (mlp([2, 3, 2], "power5"), 12, 3, "arXiv 2609.34549"),
    (mlp([3, 4, 2], "leaky_relu"), 20, 4, "as ReLU: positively homogeneous"),
    (mlp([3, 4, 2], "abs"), 20, 4, "as ReLU: positively homogeneous"),
    (mlp([2, 3, 2], "relu2"), 12, 3, "2 |out|^2 - |in|^2 per unit"),
    (mlp([2, 3, 2], "relu", output_bias=True), 14, 3, "an output bias is a free direction of its own"),
    (conv([1, 2, 1], kernel=2, size=4), 8, 2, "arXiv 2506.06194 Thm 3.6"),
    (conv([2, 3, 2], kernel=2, size=4, dim=2), 48, 3, "arXiv 2506.06194 Thm 3.6"),
    (residual(mlp([2, 3, 2])), 12, 3, "arXiv 2506.06194 Prop. 3.2"),
    (sequential(residual(mlp([2, 3, 2])), residual(mlp([2, 2, 2]))), 20, 5, "arXiv 2506.06194 Thm 4.6 and 4.7"),
]


@pytest.mark.parametrize(("arch", "dimension", "laws", "source"), COUNTS, ids=[row[0].name[:40] for row in COUNTS])
def test_count_is_the_published_one_and_complete(arch, dimension, laws, source):
    report = discover_laws(arch)
    assert (report.n_parameters, report.n_laws, len(report.laws)) == (dimension, laws, laws)
    assert report.complete
    assert report.certificate.status == "exact"


def _benchmark(kind: str) -> list[dict[str, object]]:
    path = Path(__file__).parents[2] / "benchmarks" / "paper_benchmark.json"
    return json.loads(path.read_text())[kind]


@pytest.mark.parametrize("kind", ["count_linear", "count_relu", "solve_linear", "solve_relu"])
def test_the_benchmark_of_the_paper(kind):
    """arXiv 2307.00144, section 4: every count, every one with as many explicit laws."""
    for row in _benchmark(kind):
        report = discover_laws(mlp(row["widths"], row["kind"], bias=row["bias"]))
        assert report.n_parameters == row["parameters"]
        assert report.n_laws == row["expected"], row
        assert report.complete, row


def test_growth_of_two_layer_linear():
    """DESIGN 5: ranks by depth, the repeated last one included."""
    assert discover_laws(linear([2, 3, 2]), find_laws=False).growth == (4, 6, 6)


@pytest.mark.parametrize(("n", "r", "m"), [(2, 3, 2), (1, 2, 3), (2, 2, 2), (3, 4, 1), (1, 5, 2), (2, 6, 2), (1, 3, 1)])
def test_two_layer_linear_in_both_regimes(n, r, m):
    """arXiv 2307.00144 Prop. 4.1: r (r + 1) / 2 for r <= N = n + m, and N r - N (N - 1) / 2 beyond."""
    big = n + m
    expected = r * (r + 1) // 2 if r <= big else big * r - big * (big - 1) // 2
    expected = 2 * r - 1 if n == m == 1 else expected
    report = discover_laws(linear([n, r, m]))
    assert report.n_laws == expected
    assert report.complete


@pytest.mark.parametrize(("widths", "count"), [([2, 2, 5, 2], 17), ([1, 2, 2, 1], 7)])
def test_deep_linear_networks_with_more_laws_than_balanced_ones(widths, count):
    report = discover_laws(linear(widths))
    assert report.n_laws == count
    assert len(report.laws) <= count


def test_laws_of_the_papers_are_found_in_their_form():
    assert [g.text for g in discover_laws(linear([2, 3, 2])).groups] == ["W1 W1^T - W2^T W2"]
    assert [g.text for g in discover_laws(mlp([3, 4, 3])).groups] == ["|W1[k,:]|^2 - |W2[:,k]|^2"]
    assert [g.text for g in discover_laws(mlp([3, 4, 3], bias=True)).groups] == ["|W1[k,:]|^2 + b1[k]^2 - |W2[:,k]|^2"]
    assert [g.text for g in discover_laws(mlp([2, 3, 2], "cube")).groups] == ["|W1[k,:]|^2 - 3 |W2[:,k]|^2"]


def test_linear_convolution_has_a_law_that_the_analogy_misses():
    """Against the analogy with fully connected networks: 1-2-1 channels have c (c + 1) / 2 + 1 = 4 laws."""
    report = discover_laws(conv([1, 2, 1], kernel=2, size=4, activation="linear"))
    assert report.n_laws == 4
    assert report.complete
    w1, w2 = sp.IndexedBase("W1"), sp.IndexedBase("W2")
    extra = sum(w1[0, 0, k] * w2[0, 1, k] - w1[1, 0, k] * w2[0, 0, k] for k in range(2))
    assert lielaws.check_laws(conv([1, 2, 1], kernel=2, size=4, activation="linear"), [extra]).all_hold


class TestGaps:
    """Cases without polynomial laws are reported as gaps, never rounded away."""

    def test_gram_matrix_of_three_by_two(self):
        w = sp.Matrix(3, 2, sp.symbols("w0:6"))
        arch = from_phi(list(w), [(w.T * w)[i, j] for i, j in [(0, 0), (0, 1), (1, 1)]])
        report = discover_laws(arch)
        assert (report.n_laws, len(report.laws), report.complete) == (2, 0, False)
        assert report.certificate.status == "gap"
        assert report.missing == 2
        minors = [w[[i, j], :].det() for i, j in [(0, 1), (0, 2), (1, 2)]]
        check = lielaws.check_laws(arch, [minors[0] / minors[1], minors[0] / minors[2]])
        assert check.all_hold
        assert check.complete

    def test_one_random_polynomial(self):
        symbols = X[:5]
        phi = sum(((7 * k) % 11 + 1) * a * b**2 for k, (a, b) in enumerate(pairwise(symbols)))
        phi += symbols[0] * symbols[2] * symbols[4] + 3 * symbols[3] ** 2
        report = discover_laws(from_phi(symbols, [phi]))
        assert report.n_laws == 4
        assert not report.complete

    def test_gap_says_what_was_tried(self):
        text = str(discover_laws(linear([1, 2, 2, 1])))
        assert "1 missing" in text
        assert "degree 2" in text
        assert "max_degree=3" in text


def test_a_dimension_is_proven_by_an_algebra_of_the_patterns_that_occur():
    """No data open both gates, and an expansion opens them together."""

    def network(p, x, ops):
        return p.a * p.b * ops.relu(x) * ops.relu(-1 - x) + p.b**2 * x

    arch = lielaws.architecture(network, {"a": (), "b": ()}, {"x": ()})
    found = lielaws.trace_dimension(arch, at={"a": 1, "b": 0})
    assert found.value == 0


class TestSpecialPoints:
    """At a given point the growth may stall before it goes on."""

    @pytest.mark.parametrize("exponent", [2, 4])
    def test_stalling_growth(self, exponent):
        x, y = sp.symbols("x y")
        result = lielaws.trace_dimension(from_phi([x, y], [x, x**exponent * y]), at={"x": 0, "y": 1})
        assert (result.value, result.proven) == (2, True)

    @pytest.mark.parametrize(("n", "r", "m"), [(2, 3, 2), (2, 2, 2), (1, 3, 2), (3, 3, 3)])
    def test_rank_deficient_points_of_two_layer_linear(self, n, r, m):
        """k N - k (k + 1) / 2 for the rank k of the stacked factors, N = n + m; all below the generic regime."""
        big = n + m
        for k in range(min(r, big) + 1):
            rows = [[(i + 1) ** j for j in range(k)] for i in range(big)]
            columns = [[(j + 2) ** i + (i == j) for j in range(r)] for i in range(k)]
            stacked = (sp.Matrix(rows) * sp.Matrix(columns)) if k else sp.zeros(big, r)
            assert stacked.rank() == k
            at = {"W1": stacked[:n, :].T.tolist(), "W2": stacked[n:, :].tolist()}
            result = lielaws.trace_dimension(linear([n, r, m]), at=at)
            assert (result.value, result.proven) == (k * big - k * (k + 1) // 2, True)
