"""The error rates of the lineage test on networks trained on real data: a small part of benchmarks/lineage.py."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARK = Path(__file__).resolve().parents[3] / "benchmarks" / "lineage.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lineage_benchmark", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


DESCENDANTS = ("fine-tuned", "fine-tuned with weight decay", "trained from the same start")
STRANGERS = ("independently trained", "rescaled copy, factors up to 2", "rescaled, then fine-tuned")


@pytest.mark.parametrize("pairs", [3, pytest.param(9, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["digits", "synthetic"])
def test_error_rates(benchmark: ModuleType, name: str, pairs: int) -> None:
    """18 or 54 pairs in each setting, judged twice, of kinds at which the whole benchmark was never wrong either."""
    if name == "digits":
        pytest.importorskip("sklearn")
    (setting,) = (setting for setting in benchmark.SETTINGS if setting.name == name)
    setting = replace(setting, steps=600)
    report = benchmark.discover(setting)
    assert report.complete
    counts: Counter[tuple[str, bool, str]] = Counter()
    best = 0.0
    for maker in benchmark.makers(setting, pairs):
        best = max(best, benchmark.accuracy(maker.parent, maker.data, report))
        for kind in (*DESCENDANTS, *STRANGERS):
            case = {**benchmark.DESCENDANTS, **benchmark.STRANGERS}[kind](maker)
            for told in (False, True):
                counts[kind, told, benchmark.decide(report, maker, case, told).decision] += 1
    assert best > (0.95 if name == "digits" else 0.8)
    right = 0
    for told in (False, True):
        for kinds, answer, wrong in (
            (DESCENDANTS, "compatible", "not compatible"),
            (STRANGERS, "not compatible", "compatible"),
        ):
            for kind in kinds:
                assert not counts[kind, told, wrong], (kind, told)
                right += counts[kind, told, answer]
    assert right >= 0.9 * counts.total()


def test_intervals_are_those_of_clopper_and_pearson(benchmark: ModuleType) -> None:
    assert benchmark.interval(0, 10) == pytest.approx((0, 1 - 0.025 ** (1 / 10)))
    assert benchmark.interval(10, 10) == pytest.approx((0.025 ** (1 / 10), 1))
    assert benchmark.interval(4, 20) == pytest.approx((0.0573, 0.4366), abs=1e-4)
