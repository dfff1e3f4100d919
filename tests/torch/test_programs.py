"""Programs that were captured from modules and stored: laws without torch."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import lielaws
from lielaws.torch.captured import Captured, Ref, Step
from lielaws.torch.importing import _architecture
from lielaws.torch.movement import moved, numbers_of, windows
from lielaws.torch.reading import Reading
from tests.torch.modules import FOLDER, MODULES


def stored(name: str) -> Captured:
    return Captured.from_plain(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", MODULES)
def test_laws_are_found_and_verified(name: str) -> None:
    report = lielaws.discover_laws(_architecture(Reading(stored(name)), name))
    assert len(report.laws) == MODULES[name][1]
    assert report.complete == (name != "evaluated")
    assert lielaws.verify(report.certificate)


@pytest.mark.parametrize("name", MODULES)
def test_a_program_is_written_and_read_back(name: str) -> None:
    captured = stored(name)
    assert captured.to_plain() == Captured.from_plain(json.loads(json.dumps(captured.to_plain()))).to_plain()


def test_laws_have_the_names_of_the_module() -> None:
    report = lielaws.discover_laws(_architecture(Reading(stored("mlp")), "mlp"))
    assert report.contains("0.weight[0,0]**2 + 0.weight[0,1]**2 + 0.weight[0,2]**2 + 0.bias[0]**2"
                           " - 2.weight[0,0]**2 - 2.weight[1,0]**2 - 2.weight[2,0]**2 - 2.weight[3,0]**2")  # fmt: skip


def _program(operation: str, *inputs: Any) -> Captured:
    step = Step("y", operation, (Ref("w"), *inputs), {}, "head, line 3")
    return Captured({"w": (2, 2)}, {}, {"x": (2, 2)}, {"w": "w", "x": "x"}, {}, [step], ["y"])


def test_what_is_not_supported_names_the_operation_and_its_place() -> None:
    for operation in ("detach.default", "sort.default"):
        with pytest.raises(lielaws.LieLawsError, match=rf"operation {operation}.*head, line 3"):
            _architecture(Reading(_program(operation)), "net")
    with pytest.raises(lielaws.LieLawsError, match=r"operation sum.dim_IntList.*arguments of another kind"):
        _architecture(Reading(_program("sum.dim_IntList", ["first"])), "net")
    with pytest.raises(lielaws.LieLawsError, match="exponent"):
        _architecture(Reading(_program("pow.Tensor_Scalar", 0.3)), "net")


@pytest.mark.parametrize("exponent", [2, 1, -1, 0.5, -0.5, 1.5, -2.5])
def test_powers(exponent: float) -> None:
    arch = _architecture(Reading(_program("pow.Tensor_Scalar", exponent)), "net")
    w, x = np.array([[1.5, 2.0], [0.5, 3.0]]), np.zeros((1, 2, 2))
    assert np.allclose(arch.forward({"w": w}, x)[0], w**exponent)


def test_places_are_those_of_sliding_windows() -> None:
    found = windows((1, 4), [2], 2, 1, 1)
    assert found.tolist() == [[[0, 1], [2, 3], [4, 0]]]
    assert windows((5,), [2], 1, 0, 3).tolist() == [[1, 4], [2, 5]]


def test_entries_are_moved_as_axes_where_they_are() -> None:
    def network(p: Any, ops: Any) -> Any:
        a = p.a
        parts = [
            moved([a], numbers_of((3, 2)), ops),
            moved([a], numbers_of((2, 3)).T, ops),
            moved([a, p.b], np.array([[8, 0], [1, 7], [0, 0]]), ops),
        ]
        return ops.stack(parts)

    arch = lielaws.architecture(network, {"a": (2, 3), "b": (2,)}, {})
    a, b = np.arange(6.0).reshape(2, 3) + 1, np.array([10.0, 20.0])
    value = arch.forward({"a": a, "b": b}, None)[0]
    assert value.tolist() == [a.reshape(3, 2).tolist(), a.T.tolist(), [[20, 0], [1, 10], [0, 0]]]
    assert {node.op for node in arch.traced.graph.nodes} >= {"permute", "reshape"}
