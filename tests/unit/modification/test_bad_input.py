"""Every mistake of a caller ends in one line that names the argument, the value and the remedy."""

from __future__ import annotations

import numpy as np
import pytest

import lielaws
from lielaws.errors import LieLawsError
from lielaws.modification import (
    Chain,
    Data,
    Feedforward,
    Model,
    Modification,
    OutputLoss,
    ParameterLoss,
    QuadraticLoss,
    Smoothness,
    UnitLayer,
    as_model,
    certify,
    distill,
    fine_tune,
    last_layer_smoothness,
    load_arrays,
    prune,
    prune_units,
    quantize,
    rescale,
    save_arrays,
    truncate,
)

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(6, 3)), np.array([0, 1, 0, 1, 1, 0])
NETWORK = lielaws.mlp([3, 4, 2])
PARAMS = {name: RNG.normal(size=shape) for name, shape in NETWORK.parameters.items()}
MODEL = as_model(NETWORK, PARAMS)
MADE = prune(MODEL, 0.2)
TANH = as_model(lielaws.mlp([3, 4, 2], "tanh"), PARAMS)
BARE = Model(PARAMS, MODEL.forward)


def other_shapes() -> Model:
    network = lielaws.mlp([3, 5, 2])
    return as_model(network, {name: np.ones(shape) for name, shape in network.parameters.items()})


def noise(params, x):
    return RNG.normal(size=(len(x), 2))


CASES = {
    "empty chain": (lambda: Chain([]), "length zero"),
    "empty chain to certify": (lambda: certify([], (X, Y)), "length zero"),
    "no chain": (lambda: certify(3, (X, Y)), "sequence of modifications"),
    "no modification": (lambda: Chain([MODEL]), "Modification is needed"),
    "different shapes": (lambda: Modification(MODEL, other_shapes()), "different shapes"),
    "broken chain": (lambda: Chain([MADE, MADE]), "ended with"),
    "no text": (lambda: Modification(MODEL, MODEL, ""), "done"),
    "no settings": (lambda: Modification(MODEL, MODEL, "x", 3), "settings"),
    "no model": (lambda: Modification(MODEL, 3), "Model is needed"),
    "build without functions": (lambda: Chain.build(MODEL, [3]), "changes"),
    "build with another result": (lambda: Chain.build(MODEL, [lambda m: m]), "must return a Modification"),
    "params missing": (lambda: Chain.of_params(MODEL, [{"W1": PARAMS["W1"]}]), "'W2'"),
    "params of another shape": (lambda: MODEL.with_params({"W1": np.ones(3)}), "shape (4, 3)"),
    "params unknown": (lambda: MODEL.with_params({"V": np.ones(3)}), "unknown"),
    "nan in params": (lambda: Model({"W": [np.nan]}), "nan at [0]"),
    "text in params": (lambda: Model({"W": "text"}), "real numbers"),
    "no params": (lambda: Model({}), "mapping"),
    "empty params": (lambda: Model({"W": []}), "at least one number"),
    "architecture without params": (lambda: as_model(NETWORK), "parameters are needed"),
    "architecture with too few": (lambda: as_model(NETWORK, {"W1": PARAMS["W1"]}), "'W2'"),
    "architecture with wrong shapes": (lambda: as_model(NETWORK, {"W1": 1, "W2": 2}), "shape (4, 3)"),
    "architecture with too many": (lambda: as_model(NETWORK, {**PARAMS, "b1": np.ones(4)}), "no such parameter"),
    "no model at all": (lambda: as_model(3), "PyTorch module"),
    "no data": (lambda: certify([MADE]), "needs a pair"),
    "empty data": (lambda: certify([MADE], (X[:0], Y[:0])), "empty"),
    "data of two lengths": (lambda: certify([MADE], (X, Y[:3])), "same number"),
    "nan in data": (lambda: certify([MADE], (X * np.nan, Y)), "nan at"),
    "x of the wrong width": (lambda: certify([MADE], (X[:, :2], Y)), "shape (batch, 3)"),
    "no targets": (lambda: certify([MADE], (X, None)), "labels"),
    "labels too large": (lambda: certify([MADE], (X, Y + 7)), "labels from 0 to 1"),
    "labels no integers": (lambda: certify([MADE], (X, Y + 0.5)), "integer labels"),
    "targets no distribution": (lambda: certify([MADE], (X, np.ones((6, 2)))), "distribution"),
    "targets of another shape": (lambda: certify([MADE], (X, Y), "squared_error"), "shape of the outputs"),
    "unknown loss": (lambda: certify([MADE], (X, Y), "hinge"), "cross_entropy"),
    "a function as loss": (lambda: certify([MADE], (X, Y), lambda o, y: 0.0), "OutputLoss"),
    "loss without bound": (lambda: OutputLoss(lambda o, y: 0.0, None), "bounded below"),
    "loss with bound -inf": (lambda: ParameterLoss(lambda p: 0.0, -np.inf), "bounded below"),
    "loss that is nan": (lambda: certify([MADE], (X, Y), OutputLoss(lambda o, y: np.nan, 0.0)), "model 0"),
    "loss that fails": (lambda: certify([MADE], (X, Y), OutputLoss(lambda o, y: 1 / 0, 0.0)), "ZeroDivisionError"),
    "loss below its bound": (lambda: certify([MADE], (X, Y), OutputLoss(lambda o, y: -1.0, 0.0)), "no lower bound"),
    "bound above the loss": (lambda: certify([MADE], (X, Y), lower_bound=100.0), "no lower bound"),
    "quadratic not bounded": (lambda: QuadraticLoss(np.diag([1.0, -1.0])), "not bounded below"),
    "quadratic with a slope": (lambda: QuadraticLoss(np.diag([1.0, 0.0]), [0.0, 1.0]), "not bounded below"),
    "quadratic not symmetric": (lambda: QuadraticLoss([[1.0, 1.0], [0.0, 1.0]]), "symmetric"),
    "quadratic not square": (lambda: QuadraticLoss(np.ones((2, 3))), "square"),
    "quadratic of another size": (lambda: certify([MADE], None, QuadraticLoss(np.eye(2))), "of 2 parameters"),
    "delta zero": (lambda: certify([MADE], (X, Y), delta=0.0), "delta > 0"),
    "delta negative": (lambda: certify([MADE], (X, Y), delta=-1), "delta > 0"),
    "delta nan": (lambda: certify([MADE], (X, Y), delta=np.nan), "finite"),
    "epsilon too large": (lambda: certify([MADE], (X, Y), epsilon=2.0), "from 0 to 1"),
    "tolerance negative": (lambda: certify([MADE], (X, Y), feature_tolerance=-1.0), "negative"),
    "tolerance of no layer": (lambda: certify([MADE], (X, Y), feature_tolerance={"fc": 1.0}), "input of W2"),
    "representation unknown": (lambda: certify([MADE], (X, Y), representation="fc"), "input of W2"),
    "information unknown": (lambda: certify([MADE], (X, Y), information="mine"), "unknown"),
    "noisy without noise": (lambda: certify([MADE], (X, Y), information="noisy"), "standard deviation"),
    "noise without use": (lambda: certify([MADE], (X, Y), noise=0.1), "noisy"),
    "smoothness zero": (lambda: certify([MADE], (X, Y), smoothness=0.0), "positive"),
    "smoothness kind": (lambda: Smoothness(1.0, "known"), "unknown"),
    "smoothness of nothing": (lambda: last_layer_smoothness(np.zeros((3, 2)), "W"), "does not depend"),
    "decay zero": (lambda: certify([MADE], (X, Y), weight_decay=0.0), "positive"),
    "accuracy": (lambda: certify([MADE], (X, Y), accuracy=0.5), "small relative"),
    "outputs nan": (lambda: certify([prune(Model(PARAMS, lambda p, x: x * np.nan), 0.1)], (X, Y)), "nan"),
    "forward fails": (lambda: certify([prune(Model(PARAMS, lambda p, x: p["V"]), 0.1)], (X, Y)), "KeyError"),
    "forward random": (lambda: certify([prune(Model(PARAMS, noise), 0.1)], (X, Y)), "different outputs"),
    "no forward": (lambda: certify([prune(Model(PARAMS), 0.1)], (X, Y)), "no outputs"),
    "forward of one row": (lambda: certify([prune(Model(PARAMS, lambda p, x: x[0]), 0.1)], (X, Y)), "logits"),
    "no function": (lambda: Model(PARAMS, 3), "function"),
    "share above one": (lambda: prune(MODEL, 1.5), "from 0 to 1"),
    "share a text": (lambda: prune(MODEL, "half"), "real number"),
    "scope unknown": (lambda: prune(MODEL, 0.5, scope="global"), "unknown"),
    "tensor unknown": (lambda: prune(MODEL, 0.5, tensors=["W3"]), "W1"),
    "neither share nor units": (lambda: prune_units(MODEL), "share or units"),
    "units unknown": (lambda: prune_units(MODEL, units={"hidden 1": [9]}), "4 units"),
    "layer unknown": (lambda: prune_units(MODEL, units={"fc": [0]}), "hidden 1"),
    "units not stated": (lambda: prune_units(BARE, 0.5), "units=..."),
    "no bits": (lambda: quantize(MODEL, 0), "at least"),
    "one symmetric bit": (lambda: quantize(MODEL, 1), "at least 2"),
    "too many bits": (lambda: quantize(MODEL, 64), "32"),
    "half a bit": (lambda: quantize(MODEL, 2.5), "integer"),
    "scheme unknown": (lambda: quantize(MODEL, 8, scheme="log"), "unknown"),
    "entries too small": (lambda: quantize(Model({"W": [[1e-320, 0.0]]}), 8), "cannot be quantized"),
    "range too narrow": (lambda: quantize(Model({"W": [[1.0, 1 + 1e-15]]}), 8, scheme="affine"), "too narrow"),
    "rank zero": (lambda: truncate(MODEL, 0), "at least 1"),
    "rank of a vector": (lambda: truncate(Model({"b": [1.0, 2.0]}), {"b": 1}), "two axes"),
    "factor zero": (lambda: rescale(MODEL, 0.0), "positive"),
    "factors of another length": (lambda: rescale(MODEL, {"hidden 1": [1.0, 2.0]}), "4 units"),
    "tanh rescaled": (lambda: rescale(TANH), "not positively homogeneous"),
    "rate zero": (lambda: fine_tune(MODEL, (X, Y), rate=0.0, steps=1), "positive"),
    "no steps": (lambda: fine_tune(MODEL, (X, Y), rate=0.1, steps=0), "at least 1"),
    "momentum one": (lambda: fine_tune(MODEL, (X, Y), rate=0.1, steps=1, momentum=1.0), "below 1"),
    "all frozen": (lambda: fine_tune(MODEL, (X, Y), rate=0.1, steps=1, frozen=["W1", "W2"]), "all tensors"),
    "frozen unknown": (lambda: fine_tune(MODEL, (X, Y), rate=0.1, steps=1, frozen=["W3"]), "W1"),
    "no pullback": (lambda: fine_tune(BARE, (X, Y), rate=0.1, steps=1), "pullback"),
    "tune without data": (lambda: fine_tune(MODEL, None, rate=0.1, steps=1), "pair"),
    "running away": (lambda: fine_tune(MODEL, (X, X[:, :2]), "squared_error", rate=1e6, steps=99), "runs away"),
    "teacher of another size": (
        lambda: distill(MODEL, Model(PARAMS, lambda p, x: x), X, rate=0.1, steps=1),
        "same shape",
    ),
    "row of layers wrong": (lambda: Model(PARAMS, feedforward=Feedforward(("W2", "W1"))), "follow on each other"),
    "row with no activation": (lambda: Feedforward(("W1",), (), "gelu"), "unknown"),
    "units of no tensor": (lambda: Model(PARAMS, units=[UnitLayer("h", (("V", 0),), (("W2", 1),))]), "W1"),
    "units of two sizes": (lambda: Model(PARAMS, units=[UnitLayer("h", (("W1", 1),), (("W2", 1),))]), "one number"),
    "data as a number": (lambda: Data.of(3), "pair (x, y)"),
    "seed": (lambda: certify([MADE], (X, Y), seed=-1), "at least 0"),
}


@pytest.mark.parametrize("name", CASES)
def test_one_line_that_says_what_to_do(name: str) -> None:
    call, words = CASES[name]
    with pytest.raises(LieLawsError) as caught, np.errstate(all="ignore"):
        call()
    text = str(caught.value)
    assert words in text
    assert "\n" not in text
    assert len(text) < 400


def test_files_that_are_none(tmp_path) -> None:
    np.savez(tmp_path / "objects.npz", W1=np.array([{}], dtype=object))
    np.savez(tmp_path / "texts.npz", W1=np.array(["a"]))
    np.save(tmp_path / "one.npy", np.ones(3))
    np.savez(tmp_path / "fine.npz", W1=np.ones(3))
    (tmp_path / "text.npz").write_text("no archive")
    cut = (tmp_path / "fine.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(cut[: len(cut) // 2])
    wrong = {
        "objects.npz": "allow_pickle",
        "texts.npz": "real numbers",
        "one.npy": "no .npz",
        "text.npz": "no .npz",
        "cut.npz": "no .npz",
        "none.npz": "no such file",
        ".": "no such file",
    }
    for name, words in wrong.items():
        with pytest.raises(LieLawsError, match=words):
            load_arrays(tmp_path / name)
    with pytest.raises(LieLawsError, match="'W2' is missing; it holds W1"):
        load_arrays(tmp_path / "fine.npz", ("W1", "W2"))
    with pytest.raises(LieLawsError, match="cannot be written"):
        save_arrays(tmp_path / "no" / "such.npz", PARAMS)


def test_arrays_survive_a_file(tmp_path) -> None:
    arrays = {**PARAMS, "file": np.array(3.0), "a/b": np.arange(4.0)}
    save_arrays(tmp_path / "a.npz", arrays)
    found = load_arrays(tmp_path / "a.npz", tuple(arrays))
    assert all((found[name] == value).all() and found[name].shape == value.shape for name, value in arrays.items())
