"""The same on PyTorch modules."""

from __future__ import annotations

import numpy as np
import pytest

from lielaws.errors import LieLawsError
from lielaws.modification import (
    Chain,
    as_model,
    certify,
    distill,
    fine_tune,
    prune,
    prune_units,
    quantize,
    rescale,
    truncate,
)

torch = pytest.importorskip("torch")


@pytest.fixture
def module():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 3))


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 4)), rng.integers(0, 3, 40)


def test_a_module_runs_as_it_did_before(module, data) -> None:
    model = as_model(module)
    with torch.no_grad():
        expected = module(torch.as_tensor(data[0]).float()).numpy()
        inside = module[1](module[0](torch.as_tensor(data[0]).float())).numpy()
    np.testing.assert_allclose(model.outputs(data[0]), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.features(data[0])["1"], inside, rtol=1e-4, atol=1e-5)
    assert model.feedforward.weights == ("0.weight", "2.weight")


def test_gradients_are_those_of_autograd(module, data) -> None:
    made = fine_tune(module, data, rate=0.5, steps=1)
    double = module.double()
    torch.nn.functional.cross_entropy(double(torch.as_tensor(data[0])), torch.as_tensor(data[1])).backward()
    for name, value in double.named_parameters():
        expected = (value - 0.5 * value.grad).detach().numpy()
        np.testing.assert_allclose(made.after.params[name], expected, rtol=1e-12, atol=1e-14)


def test_every_modification_and_the_certificate(module, data) -> None:
    changes = [
        lambda m: fine_tune(m, data, rate=0.02, steps=1),
        lambda m: prune(m, 0.3),
        lambda m: quantize(m, 8),
        rescale,
        lambda m: truncate(m, 2),
        lambda m: prune_units(m, 0.2),
        lambda m: distill(m, module, data[0], rate=0.1, steps=5),
    ]
    chain = Chain.build(module, changes)
    tensors = torch.as_tensor(data[0]), torch.as_tensor(data[1])
    certificate = certify(chain, tensors, smoothness=30.0)
    assert certificate["descent"].verdict == "pass"
    assert certificate["invariance"].rows[0].left == 0
    for name in ("quantization", "lipschitz", "distillation", "drift"):
        assert certificate[name].verdict == "pass"
    after = chain[1].module()
    assert type(after) is torch.nn.Sequential
    assert after[0].weight.dtype == torch.float32
    assert int((after[0].weight == 0).sum()) == round(0.3 * 24)
    assert int((module[0].weight == 0).sum()) == 0


def test_other_modules(data) -> None:
    net = torch.nn.Sequential(torch.nn.Conv1d(1, 2, 2), torch.nn.GELU(), torch.nn.Flatten(), torch.nn.Linear(6, 3))
    x = data[0][:, None]
    certificate = certify([prune(net, 0.2)], (x, data[1]))
    assert certificate["lipschitz"].verdict == "not applicable"
    assert certificate["capacity"].rows[0].right == pytest.approx(0.9 * (2 * 2 + 3 * 3))
    with pytest.raises(LieLawsError, match="units"):
        rescale(net)


def test_dropout_is_switched_off(data) -> None:
    net = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Dropout(0.5), torch.nn.Linear(6, 3))
    certificate = certify([prune(net.train(), 0.2)], data)
    assert certificate["lipschitz"].verdict == "pass"


def test_bad_modules(data) -> None:
    with pytest.raises(LieLawsError, match="no parameters"):
        as_model(torch.nn.ReLU())
    with pytest.raises(LieLawsError, match="one tensor"):
        as_model(torch.nn.LSTM(4, 3)).outputs(data[0])
    with pytest.raises(LieLawsError, match="not read from a PyTorch module"):
        prune(as_model("relu:2-3-2", {"W1": np.ones((3, 2)), "W2": np.ones((2, 3))}), 0.1).module()


def test_layers_are_kept_as_they_were_before_an_activation_in_place() -> None:
    torch.manual_seed(0)
    x = np.random.default_rng(0).normal(size=(20, 4))
    plain = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 3))
    inplace = torch.nn.Sequential(plain[0], torch.nn.ReLU(inplace=True), plain[2])
    one, two = as_model(plain).features(x), as_model(inplace).features(x)
    assert (two["0"] < 0).any()
    assert all((one[name] == two[name]).all() for name in one)
