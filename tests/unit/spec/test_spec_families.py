"""The real families: what they build, that it is rebuilt from its spec, and that mistakes are named."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from lielaws.architectures.activations import ACTIVATIONS
from lielaws.architectures.attention import attention
from lielaws.architectures.base import Architecture
from lielaws.architectures.composition import part, residual, sequential
from lielaws.architectures.convolution import conv
from lielaws.architectures.embedding import embedding
from lielaws.architectures.gated import glu, moe
from lielaws.architectures.low_rank import lora_mlp, low_rank
from lielaws.architectures.mlp import input_convex, linear, mlp
from lielaws.architectures.normalization import weight_norm
from lielaws.architectures.phi import from_phi
from lielaws.architectures.transformer import transformer, transformer_block
from lielaws.architectures.tying import freeze, share, tied_autoencoder
from lielaws.errors import LieLawsError
from lielaws.spec import load_architecture
from lielaws.spec.families import families

x, y = sympy.symbols("x y")
W = sympy.IndexedBase("W1")

NETWORK = {
    "family": "network",
    "parameters": {"A": [4, 3], "C": [2, 4], "s": []},
    "data": {"x": [3]},
    "let": {"h": "relu(A @ x)", "k": "h*s/3"},
    "output": "C @ k + leaky_relu(C @ h, 1/10)",
}
NAMED = [
    mlp([2, 3, 2]),
    mlp([2, 3, 2], bias=True, output_bias=True),
    mlp([2, 3], "leaky_relu", slope=Fraction(1, 10)),
    *(mlp([2, 3, 2], name) for name in ("leaky_relu", "abs", "square", "cube", "relu2", "power7", "power12")),
    linear([2, 3, 2]),
    conv([1, 2, 1], 2, 4),
    conv([1, 2, 1], 2, 6, stride=2, dim=2, activation="leaky_relu", slope=0.1),
    mlp([3, 4, 2], "tanh", norm="layer", epsilon=False),
    glu(3, 4),
    moe(2, 3, 4),
    weight_norm([2, 3, 2]),
    low_rank(3, 2, 1),
    lora_mlp([3, 4, 2], 2),
    tied_autoencoder(3, 2),
    input_convex(3, 4),
    attention(3, 2),
    embedding(4, 2),
    transformer_block(4, 2, 2, 4),
    transformer(5, 4, 2, 2, 4),
]
COMPOSED = [
    residual(mlp([2, 3, 2])),
    sequential(mlp([2, 3, 2]), residual(linear([2, 2])), linear([2, 5])),
    sequential(sequential(linear([2, 2])), linear([2, 5])),
    from_phi([x, y], [x * y, x**2 / 3 - y, 1 / (x + y)]),
    from_phi("x y", [sympy.factor(2 * x + 2 * y), -(x + y)]),
    from_phi([W[0, 1], W[2, 0]], [W[0, 1] ** 2 * W[2, 0]]),
    load_architecture(NETWORK),
    sequential(load_architecture(NETWORK), linear([2, 2])),
    share(mlp([2, 2, 2]), {"W2": "W1.T"}),
    freeze(mlp([2, 3, 2]), ["W1"]),
    part(mlp([2, 3, 2]), ["W1"]),
]


def assert_same(made: Architecture, wanted: Architecture) -> None:
    assert made.name == wanted.name
    assert list(made.parameters.items()) == list(wanted.parameters.items())
    assert dict(made.data) == dict(wanted.data)
    assert made.spec == wanted.spec


@pytest.mark.parametrize("wanted", NAMED + COMPOSED, ids=lambda architecture: architecture.name)
def test_rebuilt_from_the_spec_and_from_files(wanted: Architecture, tmp_path: Path) -> None:
    assert wanted.spec is not None
    assert_same(load_architecture(wanted.spec), wanted)
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(wanted.spec), encoding="utf-8")
    assert_same(load_architecture(path), wanted)
    assert_same(load_architecture(str(path)), wanted)


@pytest.mark.parametrize("wanted", NAMED, ids=lambda architecture: architecture.name)
def test_names_of_architectures_are_spec_strings(wanted: Architecture) -> None:
    assert_same(load_architecture(wanted.name), wanted)


def test_every_family_is_described_and_tested() -> None:
    rebuilt = {made.spec["family"] for made in NAMED + COMPOSED if made.spec is not None}
    assert set(families()) == rebuilt | {*ACTIVATIONS, "power<k>"}
    assert all(family.name == name and family.summary for name, family in families().items())


monomials = st.sampled_from([x, y, x * y, x**2, x / 3, 1 / y, sympy.Rational(-2, 7), x - y])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(monomials, min_size=1, max_size=3), min_size=1, max_size=3), st.integers(-2, 3))
def test_sympy_expressions_are_rebuilt(parts: list[list[Any]], exponent: int) -> None:
    built = sympy.Add(*(sympy.Mul(*part) for part in parts))
    phi = [x + y, built + x, sympy.factor(built**2 + y), (built + x * y + 5) ** exponent + y]
    if all(entry.is_finite is not False and not entry.has(sympy.zoo, sympy.nan) for entry in phi):
        wanted = from_phi([x, y], phi)
        assert_same(load_architecture(wanted.spec or {}), wanted)


def test_a_network_computes_its_expressions() -> None:
    made = load_architecture(NETWORK)
    rng = np.random.default_rng(0)
    params = {"A": rng.normal(size=(4, 3)), "C": rng.normal(size=(2, 4)), "s": np.array(0.7)}
    batch = rng.normal(size=(5, 3))
    hidden = np.maximum(batch @ params["A"].T, 0)
    last = hidden @ params["C"].T
    expected = (hidden * 0.7 / 3) @ params["C"].T + np.where(last > 0, last, last / 10)
    assert np.allclose(made.forward(params, batch), expected)


def test_blocks_may_be_tables_or_spec_strings() -> None:
    blocks = [NETWORK, "relu:2-3-2", {"family": "residual", "block": "relu+bias:2-3-2"}]
    made = load_architecture({"family": "sequential", "blocks": blocks})
    assert {"1.A", "1.s", "2.W1", "3.b1"} <= set(made.parameters)
    assert_same(load_architecture(made.spec or {}), made)
    ones = {name: np.ones(shape) for name, shape in made.parameters.items()}
    assert made.forward(ones, np.ones((1, 3))).shape == (1, 2)


def test_sizes_may_be_numpy_integers() -> None:
    assert_same(load_architecture({"family": "mlp", "widths": tuple(np.array([2, 3, 2]))}), mlp([2, 3, 2]))


def test_toml(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text('family = "mlp"\nwidths = [2, 3]\nactivation = "leaky_relu"\nslope = 0.1\n', encoding="utf-8")
    assert_same(load_architecture(path), mlp([2, 3], "leaky_relu", slope=Fraction(1, 10)))


MLP = {"family": "mlp", "widths": [2, 3, 2]}
LEAKY = {**MLP, "activation": "leaky_relu"}
SMALL = {"family": "network", "parameters": {"A": [3]}, "data": {"x": [3]}}


@pytest.mark.parametrize(
    ("spec", "pieces"),
    [
        ("rleu:2-3", ["'rleu'", "'relu'"]),
        ("power0:2-3", ["'power0'"]),
        ("power100:2-3-2", ["power100"]),
        ("power<k>:2-3", ["power<k>"]),
        ("relu+bais:2-3", ["bais", "'bias'"]),
        ("relu+slope=1/10:2-3", ["slope"]),
        ("relu+activation=abs:2-3", ["activation"]),
        ("relu+widths=3:2-3", ["widths"]),
        ("conv:1-2", ["'kernel', 'size' missing"]),
        ("conv:1-2+kernel=2.0+size=4", ["kernel", "an integer is needed"]),
        ("conv:1-2+kernel=2+size=4+stride=0", ["stride = 0", "positive"]),
        ("phi:2-3", ["'phi'", "spec file"]),
        ("relu:99999999-99999999", ["at most"]),
        ("missing.toml", ["missing.toml", "no such file"]),
        ({**MLP, "widths": [2, 3.0]}, ["3.0", "an integer"]),
        ({**MLP, "widths": [2, True]}, ["True", "an integer"]),
        ({**MLP, "widths": [2, -3]}, ["-3", "positive"]),
        ({**MLP, "widths": [2]}, ["[2]", "at least two"]),
        ({**MLP, "activation": "rleu"}, ["'rleu'", "'relu'"]),
        ({**MLP, "slope": 0.1}, ["slope", "leaky_relu"]),
        ({**LEAKY, "slope": float("nan")}, ["slope = nan", "a number"]),
        ({"family": "residual", "block": "relu:2-3"}, ["block", "(3,)", "(2,)"]),
        ({"family": "residual", "block": "rleu:2-2"}, ["block", "'rleu'", "'relu'"]),
        ({"family": "residual", "block": "relu:2"}, ["block", "at least two"]),
        ({"family": "sequential", "blocks": []}, ["blocks = []", "at least one"]),
        ({"family": "sequential", "blocks": ["relu:2-3", "relu:2-3"]}, ["blocks[1]", "(3,)", "(2,)"]),
        ({"family": "phi", "symbols": ["x"], "expressions": ["x*9**1000*9**1000*9**1000*9**1000*9**1000"]}, ["large"]),
        ({**SMALL, "output": "A @ y"}, ["output", "'y'"]),
        ({**SMALL, "output": "A[5]*x"}, ["A[5]", "(3,)"]),
        ({**SMALL, "output": "A * x**(1/2)"}, ["x**(1/2)", "integer powers"]),
        ({**SMALL, "output": "A * rleu(x)"}, ["'rleu'", "'relu'"]),
        ({**SMALL, "parameters": {"A": [0]}, "output": "A @ x"}, ["'A'", "0", "positive"]),
        ({**SMALL, "data": {}, "output": "A @ A"}, ["data", "at least one"]),
    ],
)
def test_mistakes_are_named(spec: Any, pieces: list[str], refused: Any) -> None:
    assert isinstance(refused(pieces, load_architecture, spec), LieLawsError)


@pytest.mark.parametrize("spec", [None, 3, b"relu:2-3", ["relu:2-3"], True])
def test_other_things_are_no_specs(spec: Any, refused: Any) -> None:
    refused(["spec", "is needed"], load_architecture, spec)
