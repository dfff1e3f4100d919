"""Arrays of every kind: numpy, nested lists, and tensors of frameworks that are not imported."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from lielaws.errors import InvalidArgumentError
from lielaws.training import LawBalance
from lielaws.training.framework_tensors import TOLERANCES, as_float64, coarsest, type_name
from tests.unit.training.loops import Sgd, law_of, problem

SHAPES = {"a": (2,), "b": ()}
LAW = law_of({(0, 0): 1, (1, 1): 1, (2, 2): -1}, SHAPES)


class FakeTensor:
    """What PyTorch's tensors do: refuse numpy with a gradient, on another device and in bfloat16."""

    def __init__(self, array, dtype="float32", device="cuda", requires_grad=True):
        self.array, self.dtype, self.device, self.requires_grad = (
            np.asarray(array),
            f"torch.{dtype}",
            device,
            requires_grad,
        )
        self.shape, self.ndim = self.array.shape, self.array.ndim

    def _with(self, **changes):
        dtype = self.dtype.removeprefix("torch.")
        return FakeTensor(self.array, **({"dtype": dtype, "device": self.device, "requires_grad": False} | changes))

    def detach(self):
        return self._with()

    def cpu(self):
        assert not self.requires_grad
        return self._with(device="cpu")

    def float(self):
        return self._with(dtype="float32")

    def numpy(self):
        if self.requires_grad or self.device != "cpu" or self.dtype == "torch.bfloat16":
            raise TypeError("can't convert this tensor to numpy")
        return self.array

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("call detach first")

    def __iter__(self):
        raise RuntimeError("call detach first")


class OnlyArray:
    """The array protocol and nothing else."""

    def __init__(self, array):
        self._array = np.asarray(array)

    def __array__(self, dtype=None, copy=None):
        return self._array if dtype is None else self._array.astype(dtype)


@pytest.mark.parametrize(
    "kind",
    [
        lambda v: v,
        np.asarray,
        lambda v: np.asarray(v, dtype=">f8"),
        lambda v: np.asarray(v, dtype=np.longdouble),
        lambda v: np.asarray(v, dtype=int),
        lambda v: np.asarray(v, dtype=np.uint8),
        lambda v: np.asarray(v, dtype=object),
        lambda v: [Fraction(k) for k in v] if isinstance(v, list) else Fraction(v),
        OnlyArray,
        FakeTensor,
        lambda v: FakeTensor(v, "bfloat16"),
        lambda v: FakeTensor(v, "float16"),
        lambda v: FakeTensor(v, "float64", "cpu", False),
    ],
)
def test_whatever_holds_numbers_is_read(kind):
    balance = LawBalance([LAW], lr=0.5)
    result = balance.step({"a": kind([3, 4]), "b": kind(2)}, {"a": kind([0, 2]), "b": kind(4)})
    assert result.measured.tolist() == [21.0]
    result = balance.check({"a": [3.0, 3.0], "b": 0.0})
    assert (result.measured.tolist(), result.predicted.tolist()) == ([18.0], [18.0])
    assert not result.alarm


@pytest.mark.parametrize(
    ("dtype", "name"),
    [(np.float64, "float64"), (np.float32, "float32"), (">f4", "float32"), (np.float16, "float16"), (int, "float64")],
)
def test_the_tolerance_follows_the_coarsest_type(dtype, name):
    balance = LawBalance([LAW], lr=0.5)
    theta = {"a": np.array([3, 4], dtype=dtype), "b": 2.0}
    result = balance.step(theta, {"a": [0.0, 0.0], "b": 0.0})
    assert result.tolerance == balance.tolerance == TOLERANCES[name]
    result = balance.step({"a": [3.0, 4.0], "b": 2.0}, {"a": FakeTensor([0, 0], "bfloat16"), "b": 0.0})
    assert result.tolerance == balance.tolerance == TOLERANCES["bfloat16"]
    assert balance.step_tolerance == TOLERANCES["bfloat16"] / 100


def test_types_are_told_by_name():
    assert type_name(np.zeros(2, np.float32)) == "float32"
    assert type_name(FakeTensor(1, "bfloat16")) == "bfloat16"
    assert coarsest({type_name(value) for value in ([1.0], 2, None)}) == "float64"
    assert coarsest({"float32", "float64", "int8"}) == "float32"


@pytest.mark.parametrize(
    "value",
    [
        None,
        "text",
        ["1", "2"],
        [[1, 2], [3]],
        np.array([1j, 2]),
        np.array([True, False]),
        np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]"),
        np.ma.masked_array([1.0, 2.0], mask=[True, False]),
        {"a": 1},
        object(),
        [object(), object()],
        np.zeros(2, dtype=[("x", float), ("y", float)]),
        FakeTensor([1j, 2], "complex64"),
    ],
)
def test_what_holds_no_numbers_is_refused(value):
    if value is not None:
        with pytest.raises(InvalidArgumentError, match="array of numbers"):
            as_float64("params['a']", value, "step 1")
    with pytest.raises(InvalidArgumentError, match=r"params\['a'\]") as caught:
        LawBalance([LAW], lr=0.5).step({"a": value, "b": 1.0}, {"a": [0, 0], "b": 0})
    assert "\n" not in str(caught.value)


def test_pytorch_is_followed_without_being_imported():
    """A real loop with torch.optim.SGD, in float64, float32 and bfloat16, and the numpy copy of its semantics."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    for dtype, rounding in ((torch.float64, 1e-13), (torch.float32, 1e-6), (torch.bfloat16, 0.5)):
        model = torch.nn.Sequential(
            torch.nn.Linear(6, 5, bias=False), torch.nn.ReLU(), torch.nn.Linear(5, 3, bias=False)
        )
        model = model.to(dtype)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=0.01, nesterov=True)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 50)
        balance = LawBalance(problem("relu").report, momentum=0.9, weight_decay=0.01, nesterov=True)
        weights = {"W1": model[0].weight, "W2": model[2].weight}
        for _ in range(50):
            x, y = torch.randn(16, 6, dtype=dtype), torch.randn(16, 3, dtype=dtype)
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(model(x), y).backward()
            balance.step(weights, {k: w.grad for k, w in weights.items()}, lr=optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        summary = balance.finish(weights)
        assert not summary.alarm
        assert summary.largest_from_start.max() < rounding


@pytest.mark.parametrize(
    "settings",
    [
        {"momentum": 0.9},
        {"momentum": 0.9, "dampening": 0.3},
        {"dampening": 0.3},
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
        {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1},
        {"weight_decay": 0.1},
    ],
)
def test_the_oracle_has_the_semantics_of_pytorch(settings):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    theta = {"a": rng.normal(size=(3, 2))}
    weight = torch.nn.Parameter(torch.tensor(theta["a"]))
    optimizer, sgd = torch.optim.SGD([weight], lr=0.1, **settings), Sgd(lr=0.1, **settings)
    for _ in range(5):
        slope = rng.normal(size=(3, 2))
        weight.grad = torch.tensor(slope)
        optimizer.step()
        theta = sgd.step(theta, {"a": slope})
        np.testing.assert_allclose(weight.detach().numpy(), theta["a"], rtol=1e-13)


def test_no_framework_is_imported():
    code = "import sys, lielaws.training; print({'torch', 'jax', 'tensorflow', 'sklearn'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert run.stdout.strip() == "set()"
