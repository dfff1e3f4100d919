"""PyTorch modules as they are: imports that check themselves, counts against ranks of autograd, refusals."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest

import lielaws
from lielaws.torch import reading
from lielaws.torch.captured import Captured
from tests.torch.modules import FOLDER, MODULES

torch = pytest.importorskip("torch")
nn = torch.nn
pytestmark = pytest.mark.torch


def _made(name: str) -> tuple[Any, Any]:
    torch.manual_seed(0)
    return MODULES[name][0]()


@pytest.mark.parametrize("name", MODULES)
def test_the_rank_at_depth_one_is_that_of_autograd(name: str) -> None:
    from tests.torch.ranks import check_against_autograd

    report = check_against_autograd(*_made(name))
    assert len(report.laws) == MODULES[name][1]


@pytest.mark.parametrize("name", MODULES)
def test_stored_programs_are_what_torch_exports(name: str) -> None:
    from lielaws.torch.capture import capture
    from lielaws.torch.doubles import in_double

    captured, _ = capture(*in_double(*_made(name), None))
    known = Captured.from_plain(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))
    assert [step.operation for step in captured.steps] == [step.operation for step in known.steps]
    assert captured.parameters == known.parameters


def test_the_network_that_most_people_type() -> None:
    module = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
    report = lielaws.discover_laws(module, inputs=torch.zeros(1, 784))
    assert report.complete
    assert len(report.laws) == 256
    assert report.evidence.startswith("paths")
    assert "|0.weight[k,:]|^2 + 0.bias[k]^2 - |2.weight[:,k]|^2" in str(report)


def test_dropout_is_off_or_has_free_masks() -> None:
    module = nn.Sequential(nn.Linear(2, 3, bias=False), nn.Dropout(0.5), nn.Linear(3, 2, bias=False))
    x = torch.ones(1, 2)
    assert len(lielaws.discover_laws(lielaws.from_torch(module, x)).laws) == 6
    assert len(lielaws.discover_laws(lielaws.from_torch(module, x, dropout="free")).laws) == 3
    assert len(lielaws.discover_laws(lielaws.from_torch(module.eval(), x, dropout="free")).laws) == 6


def test_frozen_weights_and_tied_weights() -> None:
    module, example = _made("language")
    assert "head.weight" not in lielaws.from_torch(module, example).parameters
    frozen = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    frozen[1].weight.requires_grad_(False)
    report = lielaws.discover_laws(frozen, inputs=torch.ones(1, 2))
    assert list(report.architecture.parameters) == ["0.weight"]
    assert "1.weight" in str(report.hypotheses)
    params = {key: tensor.detach().numpy() for key, tensor in frozen.named_parameters()}
    x = np.random.default_rng(0).standard_normal((3, 1, 2))
    expected = frozen(torch.from_numpy(x).float()).detach().numpy()
    assert np.allclose(report.architecture.forward(params, x), expected, atol=1e-6)


def test_outputs_and_keywords() -> None:
    module, example = _made("lstm")
    first = lielaws.from_torch(module, example, outputs=0)
    assert first.output_shape == (2, 1, 2)
    with pytest.raises(lielaws.LieLawsError, match="outputs"):
        lielaws.from_torch(module, example, outputs=[5])
    attention = nn.MultiheadAttention(4, 2, batch_first=True)
    x = torch.randn(1, 2, 4)
    assert lielaws.from_torch(attention, (x, x, x), kwargs={"need_weights": False}).output_shape == (1, 2, 4)


class _Branch(nn.Module):
    def __init__(self, function: Any) -> None:
        super().__init__()
        self.inner, self._function = nn.Linear(2, 2), function

    def forward(self, x: Any) -> Any:
        return self._function(self.inner(x))


REFUSED = {
    "a value that is detached": (lambda y: y + y.detach(), "detach"),
    "a choice": (lambda y: torch.where(y > 0, y, 0 * y), "branch"),
    "a branch": (lambda y: y if y.sum() > 0 else -y, "torch.export fails"),
    "an order": (lambda y: y.sort().values, "sort"),
    "a module that raises": (lambda y: y @ torch.zeros(5, 5), "torch.export fails"),
    "no float that varies": (lambda y: torch.zeros(3), "no float tensor"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_said_in_one_line(name: str) -> None:
    function, reason = REFUSED[name]
    with pytest.raises(lielaws.LieLawsError, match=reason) as refused:
        lielaws.from_torch(_Branch(function), torch.ones(1, 2))
    assert "\n" not in str(refused.value)


def test_modules_and_examples_that_are_none() -> None:
    module, x = nn.Linear(2, 2), torch.ones(1, 2)
    broken = copy.deepcopy(module)
    with torch.no_grad():
        broken.weight[0, 0] = float("nan")
    cases = [
        (nn.Identity(), x, "no parameter"),
        (3, x, "torch.nn.Module"),
        (module, "x", "a tensor"),
        (module, torch.ones(1, 3), "torch.export fails"),
        (nn.Linear(2, 2, device="meta"), x, "meta tensor"),
        (nn.Linear(2, 2, dtype=torch.complex64), x, "complex"),
        (broken, x, "not finite"),
    ]
    for wrong, example, reason in cases:
        with pytest.raises(lielaws.LieLawsError, match=reason):
            lielaws.from_torch(wrong, example)
    with pytest.raises(lielaws.LieLawsError, match="inputs"):
        lielaws.discover_laws(module)
    with pytest.raises(lielaws.LieLawsError, match="inputs"):
        lielaws.discover_laws("relu:2-3-2", inputs=x)


def test_an_import_that_differs_is_an_error_that_names_where(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {**reading.TABLE, "leaky_relu.default": lambda ops, a, slope: ops.leaky_relu(a, 0.2)}
    monkeypatch.setattr(reading, "TABLE", table)
    module, example = _made("mlp")
    with pytest.raises(lielaws.LieLawsError, match=r"first at leaky_relu.default \(3"):
        lielaws.from_torch(module, example)


def test_a_difference_is_found_beside_named_constants(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {**reading.TABLE, "tanh.default": lambda ops, a: ops.sin(a)}
    monkeypatch.setattr(reading, "TABLE", table)
    module = nn.Sequential(nn.Linear(2, 2), nn.GELU(), nn.Tanh())
    with pytest.raises(lielaws.LieLawsError, match=r"first at tanh.default \(2"):
        lielaws.from_torch(module, torch.ones(1, 2))


def test_places_name_no_folders() -> None:
    from lielaws.torch.capture import capture
    from lielaws.torch.doubles import in_double

    captured, _ = capture(*in_double(*_made("block"), None))
    assert captured.steps[0].source.startswith("inner.0, conv.py, line ")
    assert not any("/" in step.source for step in captured.steps)


def test_an_argument_with_the_name_of_a_parameter() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.x = nn.Parameter(torch.ones(2))

        def forward(self, p_x: Any, x: Any) -> Any:
            return self.x * x + p_x + torch.zeros_like(self.x)

    arch = lielaws.from_torch(Named(), (torch.zeros(2), torch.zeros(2)))
    assert list(arch.parameters) == ["x"]
    assert len(arch.data) == 2


class _Twice(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Any) -> Any:
        return 2 * x

    @staticmethod
    def backward(context: Any, slope: Any) -> Any:
        return 5 * slope


def _unseen(y: Any) -> Any:
    with torch.no_grad():
        z = y * y
    return y + z


@pytest.mark.parametrize("function", [_Twice.apply, _unseen])
def test_gradients_that_are_not_those_of_the_values_are_no_laws(function: Any) -> None:
    # Export shows neither, and the values agree.
    with pytest.raises(lielaws.LieLawsError, match="first at a gradient"):
        lielaws.from_torch(_Branch(function), torch.ones(1, 2))


def test_dropout_of_a_function_is_off_as_well() -> None:
    module = _Branch(lambda y: nn.functional.dropout(y, 0.5, training=True))
    assert lielaws.from_torch(module, torch.ones(1, 2)).data.keys() == {"x"}
    assert len(lielaws.from_torch(module, torch.ones(1, 2), dropout="free").data) == 2


def test_padding_with_other_numbers_is_refused() -> None:
    with pytest.raises(lielaws.LieLawsError, match="zero"):
        lielaws.from_torch(_Branch(lambda y: nn.functional.pad(y, (1, 1), value=1)), torch.ones(1, 2))
