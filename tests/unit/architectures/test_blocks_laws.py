"""Laws of the blocks: counts, that they are found, and that they are orthogonal to what `forward` is trained with."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
import sympy

import lielaws
from lielaws.architectures.base import Architecture
from lielaws.architectures.composition import residual, sequential
from lielaws.architectures.convolution import conv
from lielaws.architectures.gated import glu, moe
from lielaws.architectures.low_rank import lora_mlp, low_rank
from lielaws.architectures.mlp import input_convex, linear, mlp
from lielaws.architectures.normalization import weight_norm
from lielaws.architectures.tying import freeze, share, tied_autoencoder
from lielaws.report.report import Report

TINY = Fraction(1, 100_000)

# Case, architecture, D, laws. Sources: DESIGN 7 and the theorems named by the architectures; the others were computed.
FACTS: list[tuple[Callable[[], Architecture], int, int]] = [
    # One hidden layer with a function that is not homogeneous
    *((lambda act=act: mlp([3, 4, 3], act), 24, 0) for act in ("tanh", "sigmoid", "softplus", "silu", "gelu", "sin")),
    *((lambda act=act: mlp([2, 3, 2], act), 12, 0) for act in ("cos", "mish", "erf", "gelu_tanh", "exp")),
    (lambda: mlp([2, 3, 2], "exp", bias=True), 15, 3),  # 2 b_k - |out_k|^2: only with the hidden bias
    (lambda: mlp([2, 3, 2], "softplus", bias=True), 15, 0),
    # Gated units: |C_k|^2 - |B_k|^2, and |C_k|^2 - |A_k|^2 too where the gate is homogeneous
    (lambda: glu(3, 4), 36, 4),
    (lambda: glu(3, 4, "gelu"), 36, 4),
    (lambda: glu(3, 4, "sigmoid"), 36, 4),
    (lambda: glu(3, 4, "relu"), 36, 8),
    (lambda: glu(3, 4, "linear"), 36, 8),
    (lambda: glu(2, 3, d_out=1), 15, 3),
    (lambda: share(glu(3, 4), {"A": "B"}), 24, 0),
    # Mixtures: one law per hidden unit; the column sums of the gate for softmax only
    (lambda: moe(2, 2, 2), 28, 6),
    (lambda: moe(2, 2, 3), 42, 8),
    (lambda: moe(3, 1, 2), 24, 5),
    (lambda: moe(2, 2, 3, "sigmoid"), 42, 6),
    (lambda: moe(2, 2, 3, "normalized_sigmoid"), 42, 6),
    (lambda: moe(1, 1, 2, "normalized_sigmoid"), 8, 2),
    (lambda: moe(2, 2, 3, top_k=2), 42, 8),
    (lambda: moe(2, 2, 4, top_k=3), 56, 10),
    (lambda: moe(2, 2, 3, "normalized_sigmoid", 2), 42, 6),
    # A single expert has the weight 1: its gate is not trained at all
    (lambda: moe(2, 2, 3, top_k=1), 42, 12),
    (lambda: moe(2, 2, 1), 14, 4),
    # LayerNorm: column sums of W1; with gain and shift one more per unit; |W1|^2 without epsilon
    (lambda: mlp([3, 4, 2], norm="layer"), 28, 7),
    (lambda: mlp([3, 4, 2], norm="layer", epsilon=TINY), 28, 7),
    (lambda: mlp([3, 4, 2], norm="layer", epsilon=False), 28, 8),
    (lambda: mlp([3, 4, 2], norm="layer", affine=False), 20, 3),
    (lambda: mlp([3, 4, 2], norm="layer", affine=False, epsilon=False), 20, 4),
    (lambda: mlp([3, 4, 2], "tanh", norm="layer"), 28, 3),
    (lambda: mlp([3, 4, 2], "tanh", norm="layer", epsilon=False), 28, 4),
    (lambda: mlp([3, 4, 2], "linear", norm="layer", affine=False, epsilon=False), 20, 6),
    (lambda: mlp([2, 2, 2], norm="layer", affine=False, epsilon=False), 8, 4),  # its output is +1 or -1
    # RMSNorm
    (lambda: mlp([3, 4, 2], norm="rms"), 24, 4),
    (lambda: mlp([3, 4, 2], norm="rms", epsilon=False), 24, 5),
    (lambda: mlp([3, 4, 2], norm="rms", affine=False), 20, 0),
    (lambda: mlp([3, 4, 2], norm="rms", affine=False, epsilon=TINY), 20, 0),
    (lambda: mlp([3, 4, 2], norm="rms", affine=False, epsilon=False), 20, 1),
    (lambda: mlp([2, 1, 2], norm="rms", affine=False, epsilon=False), 4, 2),  # its output is +1 or -1
    (lambda: mlp([3, 4, 2], "tanh", norm="rms", epsilon=False), 24, 1),
    (lambda: mlp([3, 4, 4, 2], norm="layer"), 52, 15),
    # BatchNorm: |W1[k,:]|^2 without epsilon, where LayerNorm has |W1|^2
    (lambda: mlp([3, 4, 2], norm="batch"), 28, 4),
    (lambda: mlp([3, 4, 2], norm="batch", epsilon=False), 28, 8),
    (lambda: mlp([3, 4, 2], norm="batch", affine=False), 20, 0),
    (lambda: mlp([3, 4, 2], norm="batch", affine=False, epsilon=False), 20, 4),
    (lambda: mlp([2, 2, 1], "tanh", norm="batch", affine=False, epsilon=False), 6, 2),
    # Weight normalization: |V_l[k,:]|^2, and one balance between neighbouring gains
    (lambda: weight_norm([2, 3, 2]), 17, 6),
    (lambda: weight_norm([2, 3, 2], "linear"), 17, 6),
    (lambda: weight_norm([2, 3, 2], "tanh"), 17, 5),
    (lambda: weight_norm([3, 3, 3, 2]), 32, 10),
    # Adapters: B^T B - A A^T in each layer, whatever is frozen
    (lambda: low_rank(4, 3, 2), 14, 3),
    (lambda: residual(low_rank(3, 3, 2)), 12, 3),
    (lambda: sequential(low_rank(3, 3, 1), low_rank(3, 2, 1)), 11, 2),
    (lambda: lora_mlp([3, 4, 3], 2), 28, 6),
    (lambda: lora_mlp([2, 3, 2], 1, "tanh"), 10, 2),
    # A frozen layer
    (lambda: freeze(mlp([3, 4, 2]), "W1"), 8, 0),
    (lambda: freeze(mlp([3, 4, 4, 2]), "W2"), 20, 1),
    (lambda: freeze(glu(3, 4), "A"), 24, 4),
    # One matrix in two places
    (lambda: tied_autoencoder(3, 2), 6, 0),
    (lambda: tied_autoencoder(3, 2, "tanh"), 6, 0),
    (lambda: share(mlp([2, 3, 3, 3, 2]), {"W3": "W2"}), 21, 4),
    (lambda: share(linear([2, 2, 2, 2]), {"W2": "W1"}), 8, 1),
    # U s(V x + b)
    (lambda: input_convex(3, 4), 20, 4),
    (lambda: input_convex(3, 4, "softplus"), 20, 0),
    # Convolutions: one law per hidden channel with ReLU or with a maximum, whatever the padding
    *((lambda n=n: conv([1, 2, 1], 2, 6, padding=n), 8, 2) for n in (0, 1, 2)),
    *((lambda n=n: conv([1, 2, 1], 2, 8, pooling=n), 8, 2) for n in ("average", "max")),
    (lambda: conv([1, 2, 1], 2, 8, activation="linear", pooling="average"), 8, 3),
    (lambda: conv([1, 2, 1], 2, 8, activation="linear", pooling="max"), 8, 2),
    (lambda: conv([1, 2, 1], 2, 6, bias=True, output_bias=True), 11, 2),
    (lambda: conv([1, 2, 1], 2, 5, dim=2, pooling="max", padding=1), 16, 2),
]


@cache
def _report(number: int) -> Report:
    return lielaws.discover_laws(FACTS[number][0]())


def _name(number: int) -> str:
    return FACTS[number][0]().name


@pytest.mark.parametrize("number", range(len(FACTS)), ids=_name)
def test_counts_and_complete_lists(number: int) -> None:
    _, dimension, laws = FACTS[number]
    report = _report(number)
    assert (report.n_parameters, report.n_laws, len(report.laws)) == (dimension, laws, laws)
    assert report.complete


@pytest.mark.parametrize("number", range(len(FACTS)), ids=_name)
def test_laws_are_orthogonal_to_the_gradients_of_the_real_network(number: int) -> None:
    report, made = _report(number), FACTS[number][0]()
    rng = np.random.default_rng(number)
    params = {name: rng.normal(size=shape) for name, shape in made.parameters.items()}
    (shape,) = made.data.values()
    for _ in range(5):
        slopes = made.pullback(params, rng.normal(size=(1, *shape)), rng.normal(size=(1, *made.output_shape)))
        for law in report.laws:
            products = [law.gradient(params).get(name, 0.0) * slope for name, slope in slopes.items()]
            size = sum(float(np.abs(product).sum()) for product in products)
            assert abs(sum(float(product.sum()) for product in products)) <= 1e-10 * (size + 1e-3), law


@pytest.mark.parametrize("seed", range(1, 4))
def test_counts_do_not_depend_on_the_seed(seed: int) -> None:
    for make, _, laws in FACTS[::6]:
        report = lielaws.discover_laws(make(), find_laws=False, seed=seed)
        assert report.n_laws == laws, report


@pytest.mark.parametrize("epsilon", [True, False])
def test_batches_of_three_or_more_inputs_have_the_same_laws(epsilon: bool) -> None:
    counts = {
        batch: lielaws.discover_laws(
            mlp([3, 4, 2], norm="batch", affine=False, epsilon=epsilon, batch=batch), find_laws=False
        ).n_laws
        for batch in (2, 3, 4, 5, 7)
    }
    # Two inputs without epsilon are normalized to +1 and -1: W1 is not trained.
    assert counts.pop(2) == (0 if epsilon else 12)
    assert set(counts.values()) == {0 if epsilon else 4}


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize(("kind", "activation"), [("rms", "relu"), ("layer", "tanh"), ("rms", "linear")])
def test_the_norm_of_a_weight_before_a_normalization(affine: bool, kind: str, activation: str) -> None:
    """arXiv 2012.04728: |W|^2 is conserved. It does not matter whether there is a gain, but an epsilon breaks it."""
    reports = {
        epsilon: lielaws.discover_laws(mlp([3, 4, 2], activation, norm=kind, affine=affine, epsilon=epsilon))
        for epsilon in (False, True, TINY)
    }
    assert all(report.complete for report in reports.values())
    found = {epsilon: report.contains(_squares("W1", (4, 3))) for epsilon, report in reports.items()}
    assert found == {False: True, True: False, TINY: False}


def _squares(name: str, shape: tuple[int, int]) -> sympy.Expr:
    base = sympy.IndexedBase(name)
    return sum(base[i, j] ** 2 for i in range(shape[0]) for j in range(shape[1]))


def test_frozen_weights_enter_the_coefficients_of_laws() -> None:
    """W3 M W1 with M frozen has the laws tr W1^T P W1 - tr W3 M P M^-1 W3^T for P = 1, M^T M, (M^T M)^2.

    Only the first has rational coefficients, so two are counted and not found.
    """
    report = lielaws.discover_laws(freeze(linear([3, 3, 3, 3]), "W2"))
    assert (report.n_laws, len(report.laws), report.complete) == (3, 1, False)
    assert report.contains(_squares("W1", (3, 3)) - _squares("W3", (3, 3)))


@pytest.mark.parametrize(("spec", "laws"), [("relu+norm=batch:3-4-4-2", 8), ("linear+norm=batch:2-5-5-2", 15)])
def test_two_layers_of_batch_normalization(spec: str, laws: int) -> None:
    """All roots of both layers depend on the whole batch, and exist together at one in 2^(4 + 4) points.

    gain[k]^2 and what reads channel k are balanced; between linear layers, the second mean takes the first shifts away.
    """
    report = lielaws.discover_laws(spec)
    assert (report.n_laws, report.complete) == (laws, True)
