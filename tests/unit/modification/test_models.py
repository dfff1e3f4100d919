"""Models of architectures: features, units and rows of layers, read from the network itself."""

from __future__ import annotations

import numpy as np
import pytest

import lielaws
from lielaws.modification import Model, as_model, certify, fine_tune, prune, prune_units, quantize, rescale, truncate

RNG = np.random.default_rng(3)


def of(network: lielaws.Architecture) -> Model:
    return as_model(network, {name: RNG.normal(size=shape) for name, shape in network.parameters.items()})


def test_features_of_a_deep_network_are_its_hidden_layers() -> None:
    model = of(lielaws.mlp([3, 5, 4, 2], "tanh", bias=True))
    x, p = RNG.normal(size=(7, 3)), model.params
    features = model.features(x)
    first = np.tanh(x @ p["W1"].T + p["b1"])
    second = np.tanh(first @ p["W2"].T + p["b2"])
    assert list(features) == ["input of W2", "input of W3"]
    np.testing.assert_allclose(features["input of W2"], first, rtol=1e-12)
    np.testing.assert_allclose(features["input of W3"], second, rtol=1e-12)
    np.testing.assert_allclose(model.feedforward.run(p, x)[-1], model.outputs(x), rtol=1e-12)


def test_a_convolution_with_bias() -> None:
    model = of(lielaws.conv([1, 3, 2], 2, 6, bias=True))
    (layer,) = model.units
    assert layer.incoming == (("W1", 0), ("b1", 0))
    x = RNG.normal(size=(4, 1, 6))
    assert (prune_units(model, 1.0).after.outputs(x) == 0).all()
    assert (rescale(model, seed=1).after.outputs(x) == model.outputs(x)).all()


@pytest.mark.parametrize(
    "activation", ["relu", "leaky_relu", "abs", "linear", "tanh", "sigmoid", "softplus", "sin", "cos"]
)
def test_rows_of_layers_compute_what_the_network_computes(activation) -> None:
    model = of(lielaws.mlp([3, 4, 5, 2], activation, output_bias=True))
    x = RNG.normal(size=(20, 3))
    np.testing.assert_allclose(model.feedforward.run(model.params, x)[-1], model.outputs(x), rtol=1e-9, atol=1e-12)
    certificate = certify([prune(model, 0.3)], (x, RNG.integers(0, 2, 20)))
    assert certificate["lipschitz"].verdict == "pass"
    assert certificate["drift"].verdict == "pass"


@pytest.mark.parametrize(
    "network",
    [
        lielaws.glu(3, 4),
        lielaws.attention(3, 2, tokens=2),
        lielaws.moe(3, 2, 2),
        lielaws.moe(3, 2, 3, top_k=2),
        lielaws.mlp([3, 4, 2], norm="layer"),
        lielaws.tied_autoencoder(3, 2, "relu"),
        lielaws.low_rank(3, 3, 1),
        lielaws.sequential(lielaws.residual(lielaws.mlp([3, 4, 3])), lielaws.mlp([3, 2])),
        lielaws.linear([3, 2]),
    ],
    ids=lambda network: network.name,
)
def test_any_architecture_can_be_certified(network) -> None:
    model = of(network)
    x = RNG.normal(size=(12, *next(iter(network.data.values()))))
    data = x, model.outputs(x) + RNG.normal(size=(12, *network.output_shape))
    tuned = fine_tune(model, data, "squared_error", rate=1e-4, steps=1)
    chain = [tuned, prune(tuned.after, 0.3), quantize(prune(tuned.after, 0.3).after, 6)]
    chain.append(truncate(chain[-1].after, 1))
    certificate = certify(chain, data, "squared_error", feature_tolerance=1e9)
    assert certificate.admissible[0]
    assert certificate["features"].verdict == "pass"
    assert certificate["quantization"].verdict == "pass"
    if certificate["lipschitz"].verdict != "pass":
        assert "not known to be a row" in certificate["lipschitz"].rows[0].note


def test_a_model_of_arrays_alone() -> None:
    """No architecture: a function, its features and its units as the caller states them."""
    from lielaws.modification import Chain, UnitLayer

    params = {"in": RNG.normal(size=(3, 8)), "out": RNG.normal(size=(8, 2))}

    def forward(p, x):
        return np.maximum(x @ p["in"], 0) @ p["out"]

    def layers(p, x):
        return {"hidden": np.maximum(x @ p["in"], 0)}

    model = Model(params, forward, layers, units=[UnitLayer("hidden", (("in", 1),), (("out", 0),))])
    x = RNG.normal(size=(30, 3))
    chain = Chain.build(model, [rescale, lambda m: prune_units(m, units={"hidden": [2]}), lambda m: prune(m, 0.1)])
    certificate = certify(chain, (x, RNG.integers(0, 2, 30)), representation="hidden")
    assert certificate["invariance"].verdict == "pass"
    assert (chain[1].after.params["in"][:, 2] == 0).all()
    assert (chain[1].after.params["out"][2] == 0).all()
    assert certificate["descent"].verdict == "not applicable"


def test_empty_tensors_and_scalars() -> None:
    model = Model({"W": np.zeros((0, 3)), "V": np.ones((2, 0)), "s": 2.0, "U": np.eye(2)}, lambda p, x: x * p["s"])
    chain = [prune(model, 0.5), quantize(prune(model, 0.5).after, 4, per="row")]
    chain.append(truncate(chain[-1].after, 1))
    certificate = certify(chain, (RNG.normal(size=(5, 2)), RNG.integers(0, 2, 5)))
    assert certificate["capacity"].rows[-1].left == 2


def test_params_are_copies_that_cannot_be_written() -> None:
    array = np.ones((2, 2))
    model = Model({"W": array})
    array[0, 0] = 5.0
    assert model.params["W"][0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        model.params["W"][0, 0] = 3.0
