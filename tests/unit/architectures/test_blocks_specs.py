"""Blocks as specs: names and mappings rebuild them; what a caller can get wrong is refused in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from lielaws.architectures.activations import ACTIVATIONS
from lielaws.architectures.base import Architecture
from lielaws.architectures.composition import residual, sequential
from lielaws.architectures.convolution import conv
from lielaws.architectures.gated import glu, moe
from lielaws.architectures.low_rank import lora_mlp, low_rank
from lielaws.architectures.mlp import input_convex, linear, mlp
from lielaws.architectures.normalization import weight_norm
from lielaws.architectures.tying import freeze, share, tied_autoencoder
from lielaws.errors import InvalidArgumentError, LieLawsError, SizeError
from lielaws.spec import load_architecture

NAMED = [
    *(mlp([2, 3, 2], name, bias=True) for name in ACTIVATIONS),
    mlp([2, 3, 2], norm="layer"),
    mlp([2, 3, 3, 2], "tanh", norm="rms", affine=False, epsilon=False),
    mlp([2, 3, 2], "power3", True, True, "batch", False, 0.00001),
    mlp([2, 3, 2], "leaky_relu", norm="batch", slope=0.1, batch=7),
    glu(3, 4),
    glu(3, 4, "linear", 2),
    moe(2, 3, 4),
    moe(2, 3, 4, "normalized_sigmoid", 2),
    weight_norm([2, 3, 2], "tanh"),
    low_rank(3, 2, 1),
    lora_mlp([3, 4, 2], 2, "gelu"),
    tied_autoencoder(3, 2, "silu"),
    input_convex(3, 4, "softplus", 2, bias=False),
    input_convex(3, 4),
    conv([1, 2, 1], 2, 8, bias=True, output_bias=True, padding=1, pooling="max", pool=3),
    conv([1, 2, 1], 2, 6, pooling="average", activation="leaky_relu", slope=0.1),
]
NESTED = [
    share(mlp([2, 3, 3, 2]), "W3 = W1.T"),
    share(sequential(linear([2, 3]), linear([3, 2])), {"2.W1": "1.W1.T"}),
    freeze(sequential(glu(2, 3), low_rank(2, 2, 1)), ["1.A", "2.B"]),
    freeze(share(moe(2, 2, 3, top_k=2), {"A2": "A1", "B2": "B1"}), "G"),
    residual(mlp([2, 3, 2], norm="rms")),
]


def assert_same(made: Architecture, wanted: Architecture) -> None:
    assert made.name == wanted.name
    assert list(made.parameters.items()) == list(wanted.parameters.items())
    assert dict(made.data) == dict(wanted.data)
    assert made.spec == wanted.spec
    assert made.output_shape == wanted.output_shape
    assert (made.patterns is None) == (wanted.patterns is None)


@pytest.mark.parametrize("wanted", NAMED + NESTED, ids=lambda made: made.name)
def test_rebuilt_from_the_spec(wanted: Architecture, tmp_path: Path) -> None:
    assert wanted.spec is not None
    assert_same(load_architecture(wanted.spec), wanted)
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(wanted.spec), encoding="utf-8")
    assert_same(load_architecture(path), wanted)


@pytest.mark.parametrize("wanted", NAMED, ids=lambda made: made.name)
def test_names_are_spec_strings(wanted: Architecture) -> None:
    assert_same(load_architecture(wanted.name), wanted)


def test_options_in_any_place() -> None:
    assert_same(load_architecture("relu+norm=layer:3-4-2"), mlp([3, 4, 2], norm="layer"))
    wanted = mlp([3, 4, 2], norm="rms", affine=False, epsilon=Fraction(1, 100_000))
    assert_same(load_architecture("relu+affine=false:3-4-2+epsilon=1/100000+norm=rms"), wanted)
    assert_same(load_architecture("relu+affine=false:3-4-2+epsilon=0.00001+norm=rms"), wanted)
    assert_same(load_architecture("relu+norm=rms+epsilon=0:3-4-2"), mlp([3, 4, 2], norm="rms", epsilon=False))


def test_names_and_shapes_of_parameters() -> None:
    assert dict(glu(3, 4, d_out=2).parameters) == {"A": (4, 3), "B": (4, 3), "C": (2, 4)}
    shapes = {"G": (2, 3), "A1": (4, 3), "B1": (4, 3), "C1": (3, 4), "A2": (4, 3), "B2": (4, 3), "C2": (3, 4)}
    assert list(moe(3, 4, 2).parameters.items()) == list(shapes.items())
    assert dict(low_rank(5, 4, 2).parameters) == {"B": (4, 2), "A": (2, 5)}
    assert dict(tied_autoencoder(5, 2).parameters) == {"W": (2, 5)}
    made = mlp([3, 4, 5, 2], bias=True, output_bias=True, norm="layer")
    order = ["W1", "b1", "gain1", "shift1", "W2", "b2", "gain2", "shift2", "W3", "b3"]
    assert list(made.parameters) == order
    assert made.parameters["gain2"] == made.parameters["shift2"] == (5,)
    assert list(mlp([3, 4, 2], norm="rms").parameters) == ["W1", "gain1", "W2"]
    assert dict(mlp([3, 4, 2], norm="batch", batch=6).data) == {"x": (6, 3)}
    assert moe(3, 2, 4, top_k=2).output_shape == (3,)


BAD: list[tuple[Callable[[], Any], str]] = [
    (lambda: glu(0, 4), "d_model = 0"),
    (lambda: glu(3, True), "hidden = True"),
    (lambda: glu(3, 4, "swish"), "activation = 'swish'"),
    (lambda: glu(3, 4, d_out=0), "d_out = 0"),
    (lambda: moe(2, 2, 3, top_k=4), "only 3 experts"),
    (lambda: moe(2, 2, 3, top_k=0), "top_k = 0"),
    (lambda: moe(2, 2, 3, top_k=1.0), "top_k = 1.0"),
    (lambda: moe(2, 2, 3, "soft"), "softmax"),
    (lambda: moe(2, 2, 3, None), "gate = "),  # type: ignore[arg-type]
    (lambda: moe(2, 2, 0), "experts = 0"),
    (lambda: mlp([2, 3, 2], norm="group"), "norm = 'group'"),
    (lambda: mlp([2, 3, 2], norm=True), "norm = "),  # type: ignore[arg-type]
    (lambda: mlp([2, 1, 2], norm="layer", epsilon=False), "at least 2 units"),
    (lambda: mlp([2, 3, 1, 2], norm="layer"), "at least 2 units"),
    (lambda: mlp([2, 3], norm="layer"), "no hidden layer"),
    (lambda: mlp([2, 3, 2], norm="batch", batch=1), "at least 2 are needed"),
    (lambda: mlp([2, 3, 2], norm="batch", batch=0), "batch = 0"),
    (lambda: mlp([2, 3, 2], norm="layer", batch=4), "batch = 4"),
    (lambda: mlp([2, 3, 2], norm="layer", epsilon=-1), "epsilon = -1"),
    (lambda: mlp([2, 3, 2], norm="layer", epsilon="small"), "epsilon = 'small'"),
    (lambda: mlp([2, 3, 2], norm="layer", epsilon=float("nan")), "nan"),
    (lambda: mlp([2, 3, 2], norm="layer", affine=1), "affine = 1"),  # type: ignore[arg-type]
    (lambda: mlp([2, 3, 2], affine=False), "affine = False"),
    (lambda: mlp([2, 3, 2], epsilon=False), "epsilon = False"),
    (lambda: mlp([2, 3, 2], batch=4), "batch = 4"),
    (lambda: conv([1, 2, 1], 2, 6, padding=-1), "padding = -1"),
    (lambda: conv([1, 2, 1], 2, 6, padding=False), "padding = False"),
    (lambda: conv([1, 2, 1], 2, 6, pooling="mean"), "pooling = 'mean'"),
    (lambda: conv([1, 2, 1], 2, 6, pool=2), "pool = 2"),
    (lambda: conv([1, 2, 1], 2, 3, pooling="max", pool=3), "only 2 positions for pooling"),
    (lambda: conv([1, 2, 1], 2, 4, pooling="max", pool=3), "kernel of 2"),
    (lambda: weight_norm([3]), "widths = [3]"),
    (lambda: low_rank(3, 2, 0), "rank = 0"),
    (lambda: lora_mlp([3, 2], 1.5), "rank = 1.5"),  # type: ignore[arg-type]
    (lambda: tied_autoencoder(3, -2), "hidden = -2"),
    (lambda: input_convex(3, 4, "tanh"), "not convex"),
    (lambda: input_convex(3, 4, "power3"), "not convex"),
    (lambda: freeze(linear([2, 3, 2]), ["W1", "W2"]), "nothing would be left to train"),
    (lambda: freeze(linear([2, 3, 2]), []), "at least one parameter"),
    (lambda: freeze(linear([2, 3, 2]), "W4"), "W4"),
    (lambda: freeze(linear([2, 3, 2]), [1]), "list of names"),  # type: ignore[list-item]
    (lambda: freeze("relu:2-3-2", ["W1"]), "Architecture is needed"),  # type: ignore[arg-type]
    (lambda: share(linear([2, 3, 2]), {"W2": "W1"}), "shape (3, 2)"),
    (lambda: share(linear([2, 3, 2]), {"W2": "W1.t"}), "W1.t"),
    (lambda: share(linear([2, 2, 2]), {"W1": "W1.T"}), "own place"),
    (lambda: share(linear([2, 2, 2]), {"W1": "W2", "W2": "W1"}), "replaced itself"),
    (lambda: share(linear([2, 2, 2]), "W1 = W2, W1 = W2"), "twice"),
    (lambda: share(linear([2, 2, 2]), "W1"), "W2 = W1.T"),
    (lambda: share(linear([2, 2, 2]), {}), "at least one"),
    (lambda: share(linear([2, 2, 2]), None), "at least one"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("make", "piece"), BAD, ids=[piece for _, piece in BAD])
def test_bad_input(make: Callable[[], Any], piece: str) -> None:
    with pytest.raises(InvalidArgumentError) as raised:
        make()
    assert piece in str(raised.value)
    assert "\n" not in str(raised.value)


def test_too_many_sets_of_experts() -> None:
    with pytest.raises(SizeError, match="601,080,390 sets of 16 among 32"):
        moe(2, 2, 32, top_k=16)
    assert len(moe(2, 2, 32, top_k=2).traced.output.shape) == 2


@pytest.mark.parametrize(
    ("spec", "piece"),
    [
        ("moe:2-2", "d_model-hidden-experts"),
        ("moe:2-2-2+top_k=3", "only 2 experts"),
        ("glu:3-4-5", "2 sizes"),
        ("relu+norm:3-4-2", "norm=..."),
        ("relu+norm=layr:3-4-2", "'layer'"),
        ("relu+norm=layer:3-1-2", "at least 2 units"),
        ("relu+norm=layer+epsilon=none:3-4-2", "epsilon"),
        ("conv:1-2-1+kernel=2+size=4+pooling=max+pool=9", "pooling over 9"),
        ("share:2-3", "spec file"),
        ({"family": "freeze", "block": "relu:2-3-2", "names": "W1,W2"}, "nothing would be left"),
        ({"family": "share", "block": "linear:2-2-2", "ties": "W1 = W3"}, "W3"),
        ({"family": "share", "block": "linear:2-2-2", "ties": 3}, "ties"),
    ],
)
def test_bad_specs(spec: Any, piece: str) -> None:
    with pytest.raises(LieLawsError) as raised:
        load_architecture(spec)
    assert piece in str(raised.value)
