"""Functions beyond rational ones: published counts, and cases that a careless choice of free values gets wrong."""

from __future__ import annotations

import numpy as np
import pytest

from lielaws import architecture, discover_laws, mlp
from tests.strategies import gradient_flow, random_params


def _written(network, shapes, data=None):
    return architecture(network, shapes, data or {"x": (2,)})


@pytest.mark.parametrize(
    "activation", ["tanh", "silu", "gelu", "sigmoid", "softplus", "sin", "exp", "mish", "gelu_tanh"]
)
def test_networks_with_one_hidden_layer_have_no_law(activation):
    """arXiv 2606.17816 Thm 4.1 for GELU and SiLU; the others are folklore. Without biases."""
    report = discover_laws(mlp([3, 4, 3], activation))
    assert (report.n_parameters, report.n_laws, report.complete) == (24, 0, True)
    assert report.certificate.hypotheses == ()


def test_swiglu():
    """arXiv 2606.17816 Thm 4.2: one law per hidden unit, complete."""
    report = discover_laws(
        _written(
            lambda p, x, ops: p.C @ (ops.silu(p.A @ x) * (p.B @ x)),
            {"A": (4, 3), "B": (4, 3), "C": (3, 4)},
            {"x": (3,)},
        )
    )
    assert (report.n_parameters, report.n_laws, report.complete) == (36, 4, True)
    assert [group.text for group in report.groups] == ["|B[k,:]|^2 - |C[:,k]|^2"]


def test_attention():
    """arXiv 2506.06194 Cor. 3.9: Q Q^T - K K^T and V V^T - O O^T, complete."""
    shapes = dict.fromkeys("QKVO", (2, 3))
    report = discover_laws(
        _written(lambda p, X, ops: ops.softmax(X @ p.Q.T @ p.K @ X.T) @ X @ p.V.T @ p.O, shapes, {"X": (3, 3)})
    )
    assert (report.n_parameters, report.n_laws, report.complete) == (24, 6, True)


class TestRelations:
    """Each would give a wrong count if values of related functions were drawn freely."""

    def test_softplus_differences_are_linear(self):
        report = discover_laws(
            _written(lambda p, x, ops: p.a * (ops.softplus(p.u @ x) - ops.softplus(-(p.u @ x))), {"a": (), "u": (2,)})
        )
        assert (report.n_laws, report.complete) == (1, True)

    def test_exp_of_softplus_is_rational(self):
        report = discover_laws(
            _written(
                lambda p, x, ops: p.a * (ops.exp(ops.softplus(p.u * x)) - ops.exp(p.u * x)),
                {"a": (), "u": ()},
                {"x": ()},
            )
        )
        assert (report.n_laws, report.complete) == (1, True)

    def test_gelu_differences_are_linear(self):
        def network(p, x, ops):
            u = p.u @ x
            return p.a * (ops.gelu(u) - ops.gelu(-u)) + p.b * u

        report = discover_laws(_written(network, {"a": (), "b": (), "u": (2,)}))
        assert (report.n_laws, report.complete) == (2, True)

    def test_roots_are_multiplicative(self):
        def network(p, x, ops):
            q1, q2 = p.q * x[0], x[1] ** 2 + x[0]
            return p.a * (ops.sqrt(q1) * ops.sqrt(q2) - ops.sqrt(q1 * q2)) + p.b * q1

        report = discover_laws(_written(network, {"a": (), "b": (), "q": ()}))
        assert (report.n_laws, report.complete) == (2, True)

    def test_products_of_exponentials(self):
        def network(p, x, ops):
            u, v = p.u @ x, p.v @ x
            return p.a * ops.exp(u) * ops.exp(v) + p.b * ops.exp(u + v)

        report = discover_laws(_written(network, {"a": (), "b": (), "u": (2,), "v": (2,)}))
        assert (report.n_laws, report.complete) == (3, True)

    def test_opposite_exponents(self):
        """a exp(u) exp(-u) is a."""
        report = discover_laws(
            _written(lambda p, x, ops: p.a * ops.exp(p.u @ x) * ops.exp(-(p.u @ x)), {"a": (), "u": (2,)})
        )
        assert (report.n_laws, report.complete) == (2, True)

    def test_exponents_without_data(self):
        """arXiv 2609.34549 App. B.2: p0 exp(2 p1) x has the law p1 - p0^2."""
        report = discover_laws(
            _written(lambda p, x, ops: p.p0 * ops.exp(2 * p.p1) * x, {"p0": (), "p1": ()}, {"x": ()})
        )
        assert [str(group) for group in report.groups] == ["p1 - p0^2"]

    def test_logits_that_differ_by_biases_alone(self):
        """softmax(s + b1, s + b2) does not depend on the data: a gate of two constants."""

        def network(p, x, ops):
            s = p.g @ x
            return ops.softmax(ops.stack([s + p.b[0], s + p.b[1]]))[0] * x[0]

        report = discover_laws(_written(network, {"g": (2,), "b": (2,)}))
        assert (report.n_laws, report.complete) == (3, True)

    def test_commensurable_angles_are_one_rotation(self):
        """sin(2u) = 2 sin(u) cos(u)."""

        def network(p, x, ops):
            u = p.u @ x
            return p.a * (ops.sin(2 * u) - 2 * ops.sin(u) * ops.cos(u)) + p.b * u

        report = discover_laws(_written(network, {"a": (), "b": (), "u": (2,)}))
        assert (report.n_laws, report.complete) == (2, True)

    def test_exponents_that_are_fractions_of_each_other(self):
        """exp(2 u) = exp(3 v) for 2 u = 3 v needs a third generator, exp(u / 3)."""

        def network(p, x, ops):
            w = p.u @ x
            return p.a * (ops.exp(w / 2) ** 2 - ops.exp(w / 3) ** 3) + p.b * w

        report = discover_laws(_written(network, {"a": (), "b": (), "u": (2,)}))
        assert (report.n_laws, report.complete) == (2, True)

    def test_constant_exponents(self):
        """exp(u + 1) and exp(u) differ by one constant in all samples."""

        def network(p, x, ops):
            u = p.u @ x
            return p.a * ops.exp(u + 1) + p.b * ops.exp(u)

        report = discover_laws(_written(network, {"a": (), "b": (), "u": (2,)}))
        # a e - b is a law with an irrational coefficient, so it is counted but not found.
        assert report.n_laws == 1
        assert not report.complete

    def test_squared_mish_identity(self):
        """tanh(softplus(u)) = ((1 + E)^2 - 1) / ((1 + E)^2 + 1)."""

        def network(p, x, ops):
            u = p.u @ x
            power = (1 + ops.exp(u)) ** 2
            return p.a * (ops.tanh(ops.softplus(u)) - (power - 1) / (power + 1)) + p.b * u

        report = discover_laws(_written(network, {"a": (), "b": (), "u": (2,)}))
        assert (report.n_laws, report.complete) == (2, True)


def test_rms_normalization_without_gain_conserves_the_norm():
    """arXiv 2012.04728: a weight matrix before a scale-invariant layer keeps its norm."""

    def network(p, x, ops):
        h = p.W1 @ x
        return p.W2 @ (h * ops.rsqrt((h * h).mean()))

    report = discover_laws(_written(network, {"W1": (3, 2), "W2": (2, 3)}))
    assert (report.n_laws, report.complete) == (1, True)
    assert report.groups[0].text == "|W1|^2"


@pytest.mark.parametrize("seed", range(3))
def test_counts_do_not_depend_on_the_seed(seed):
    shapes = {"A": (3, 2), "B": (3, 2), "C": (2, 3)}
    arch = _written(lambda p, x, ops: p.C @ (ops.gelu(p.A @ x) * (p.B @ x)), shapes)
    assert discover_laws(arch, seed=seed).n_laws == 3


@pytest.mark.parametrize(
    ("network", "shapes"),
    [
        (lambda p, x, ops: p.C @ (ops.silu(p.A @ x) * (p.B @ x)), {"A": (3, 2), "B": (3, 2), "C": (2, 3)}),
        (lambda p, x, ops: p.C @ (ops.gelu(p.A @ x) * (p.B @ x)), {"A": (3, 2), "B": (3, 2), "C": (2, 3)}),
        (lambda p, x, ops: p.B @ ((p.A @ x) * ops.rsqrt(((p.A @ x) ** 2).mean())), {"A": (3, 2), "B": (2, 3)}),
    ],
)
def test_laws_hold_along_real_flows(network, shapes):
    rng = np.random.default_rng(2)
    arch = _written(network, shapes)
    report = discover_laws(arch)
    assert report.laws
    values = report.evaluate(gradient_flow(arch, random_params(arch, rng), rng))
    assert np.abs(values - values[0]).max() < 1e-8


def test_many_roots_are_drawn_and_proved_with_large_primes():
    """Twelve square roots a sample: the identity is verified modulo primes beyond machine words."""

    def network(p, X, ops):
        def normalized(h):
            return h * ops.rsqrt((h * h).mean(axis=1)).reshape(3, 1)

        h = X + normalized(X) @ p.A
        h = h + (normalized(h) * p.g) @ p.B
        h = h + normalized(h) @ p.C
        return normalized(h) @ p.D

    shapes = {"A": (2, 2), "B": (2, 2), "C": (2, 2), "D": (2, 2), "g": (2,)}
    report = discover_laws(_written(network, shapes, {"X": (3, 2)}))
    assert (report.n_laws, report.complete) == (2, True)
    assert [group.text for group in report.groups] == ["|B[k,:]|^2 - g[k]^2"]
