"""How often the lineage test errs: on pairs of trained networks of which it is known how they are related.

python benchmarks/lineage.py                  everything, about ten minutes on one core
python benchmarks/lineage.py --pairs 4        fewer pairs of each kind
python benchmarks/lineage.py digits-tiny      some of the settings

Each setting is a data set, an architecture and an initialization. For each pair the test is made twice: knowing nothing
of the run, and knowing steps, learning rate and a few gradients. A decision is wrong if it is "not compatible" for a
child of gradient steps, or "compatible" for a model that is none; "undecidable" is not wrong, and not useful either.
Intervals are those of Clopper and Pearson, 95 %. Needs scikit-learn for the digits.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import betaincinv

import lielaws
from lielaws.lineage import Lineage, lineage

Arrays = dict[str, np.ndarray]

STEPS, RATE, BATCH = 500, 0.05, 32


@dataclass(frozen=True)
class Data:
    x: np.ndarray
    labels: np.ndarray
    classes: int


@dataclass(frozen=True)
class Setting:
    """A network that is trained from scratch with plain SGD."""

    name: str
    data: str
    widths: tuple[int, ...]
    start: str
    bias: bool = False
    steps: int = 2000
    rate: float = 0.1


SETTINGS = (
    Setting("digits", "digits", (64, 32, 10), "he"),
    Setting("digits-deep", "digits", (64, 32, 32, 10), "he", bias=True),
    Setting("digits-tiny", "digits", (64, 4, 10), "he"),
    Setting("digits-uniform", "digits", (64, 32, 10), "uniform"),
    Setting("digits-balanced", "digits", (64, 32, 10), "balanced"),
    Setting("synthetic", "synthetic", (10, 24, 16, 4), "he", bias=True),
)


@dataclass(frozen=True)
class Run:
    """Steps of SGD, or of Adam."""

    steps: int = STEPS
    rate: float = RATE
    momentum: float = 0.0
    decay: float = 0.0
    batch: int = BATCH
    adam: bool = False


def load(name: str) -> Data:
    if name == "digits":
        from sklearn.datasets import load_digits

        digits = load_digits()
        x = digits.data / 16
        return Data(x - x.mean(axis=0), digits.target, 10)
    rng = np.random.default_rng(5)
    x = rng.normal(size=(1500, 10))
    teacher = np.maximum(x @ rng.normal(size=(10, 12)), 0) @ rng.normal(size=(12, 4))
    return Data(x, teacher.argmax(axis=1), 4)


def initial(setting: Setting, rng: np.random.Generator) -> Arrays:
    """He's Gaussian, PyTorch's default uniform, or one whose laws are all zero."""
    params: Arrays = {}
    for number, (inputs, outputs) in enumerate(zip(setting.widths, setting.widths[1:], strict=False), start=1):
        if setting.start == "uniform":
            params[f"W{number}"] = rng.uniform(-1, 1, (outputs, inputs)) / np.sqrt(inputs)
        else:
            params[f"W{number}"] = rng.normal(size=(outputs, inputs)) * np.sqrt(2 / inputs)
        if setting.bias and number < len(setting.widths) - 1:
            params[f"b{number}"] = rng.normal(size=outputs) / 10
    if setting.start == "balanced":
        # The norm of the outgoing weights of each unit is made that of its incoming ones.
        for number in range(1, len(setting.widths) - 1):
            ratio = np.sqrt((params[f"W{number}"] ** 2).sum(axis=1) / (params[f"W{number + 1}"] ** 2).sum(axis=0))
            params[f"W{number + 1}"] *= ratio
    return params


def gradient(params: Arrays, x: np.ndarray, labels: np.ndarray) -> Arrays:
    """Of the mean cross-entropy of a ReLU network."""
    depth = sum(name.startswith("W") for name in params)
    values = [x]
    for number in range(1, depth + 1):
        z = values[-1] @ params[f"W{number}"].T + params.get(f"b{number}", 0.0)
        values.append(np.maximum(z, 0) if number < depth else z)
    error = np.exp(values[-1] - values[-1].max(axis=1, keepdims=True))
    error /= error.sum(axis=1, keepdims=True)
    error[np.arange(len(x)), labels] -= 1
    error /= len(x)
    grads: Arrays = {}
    for number in range(depth, 0, -1):
        grads[f"W{number}"] = error.T @ values[number - 1]
        if f"b{number}" in params:
            grads[f"b{number}"] = error.sum(axis=0)
        error = (error @ params[f"W{number}"]) * (values[number - 1] > 0)
    return grads


def train(params: Arrays, data: Data, run: Run, rng: np.random.Generator, rows: np.ndarray | None = None) -> Arrays:
    rows = np.arange(len(data.x)) if rows is None else rows
    params = {name: value.copy() for name, value in params.items()}
    first = {name: np.zeros_like(value) for name, value in params.items()}
    second = {name: np.zeros_like(value) for name, value in params.items()}
    for step in range(1, run.steps + 1):
        chosen = rng.choice(rows, run.batch)
        for name, grad in gradient(params, data.x[chosen], data.labels[chosen]).items():
            if run.adam:
                first[name] = 0.9 * first[name] + 0.1 * grad
                second[name] = 0.999 * second[name] + 0.001 * grad**2
                scaled = first[name] / (1 - 0.9**step) / (np.sqrt(second[name] / (1 - 0.999**step)) + 1e-8)
                params[name] -= run.rate * scaled
            else:
                first[name] = run.momentum * first[name] + grad + run.decay * params[name]
                params[name] -= run.rate * first[name]
    return params


def accuracy(params: Arrays, data: Data, report: Any) -> float:
    scores = report.architecture.forward(params, data.x)
    return float((scores.argmax(axis=1) == data.labels).mean())


# What was done to the parent, or how the child came about instead


@dataclass(frozen=True)
class Case:
    """One pair; `known` are settings of the run that every call is told, such as its weight decay."""

    parent: Arrays
    child: Arrays
    known: dict[str, Any] = field(default_factory=dict)
    run: Run = field(default_factory=Run)


@dataclass(frozen=True)
class Maker:
    """What cases are made from: a trained parent, its initialization, and a second one trained independently."""

    setting: Setting
    data: Data
    start: Arrays
    parent: Arrays
    other: Arrays
    rng: np.random.Generator

    def tuned(self, run: Run, rows: np.ndarray | None = None, **known: Any) -> Case:
        return Case(self.parent, train(self.parent, self.data, run, self.rng, rows), known, run)

    def rescaled(self, params: Arrays, spread: float) -> Arrays:
        """The same function, each unit with a factor between 1 / spread and spread."""
        result = {name: value.copy() for name, value in params.items()}
        for number in range(1, len(self.setting.widths) - 1):
            factor = np.exp(self.rng.uniform(-1, 1, self.setting.widths[number]) * np.log(spread))
            result[f"W{number}"] *= factor[:, None]
            result[f"W{number + 1}"] /= factor
            if self.setting.bias:
                result[f"b{number}"] *= factor
        return result

    def permuted(self, params: Arrays) -> Arrays:
        result = dict(params)
        for number in range(1, len(self.setting.widths) - 1):
            order = self.rng.permutation(self.setting.widths[number])
            result[f"W{number}"] = result[f"W{number}"][order]
            result[f"W{number + 1}"] = result[f"W{number + 1}"][:, order]
            if self.setting.bias:
                result[f"b{number}"] = result[f"b{number}"][order]
        return result

    def quantized(self, bits: int) -> Arrays:
        steps = {name: np.ptp(value) / (2**bits - 1) for name, value in self.parent.items()}
        return {name: np.round(value / steps[name]) * steps[name] for name, value in self.parent.items()}

    def half(self) -> np.ndarray:
        return np.flatnonzero(self.data.labels < self.data.classes // 2)


DESCENDANTS: dict[str, Callable[[Maker], Case]] = {
    "fine-tuned": lambda m: m.tuned(Run()),
    "fine-tuned on half of the classes": lambda m: m.tuned(Run(), m.half()),
    "fine-tuned with momentum 0.9": lambda m: m.tuned(Run(momentum=0.9, rate=0.01), momentum=0.9),
    "fine-tuned with weight decay": lambda m: m.tuned(Run(decay=0.01), weight_decay=0.01),
    "fine-tuned in minibatches of 2": lambda m: m.tuned(Run(batch=2)),
    "fine-tuned long, large steps": lambda m: m.tuned(Run(steps=4000, rate=0.3)),
    "trained from the same start": lambda m: Case(
        m.parent, train(m.start, m.data, Run(m.setting.steps, m.setting.rate), m.rng), {}, Run(4000, m.setting.rate)
    ),
}
STRANGERS: dict[str, Callable[[Maker], Case]] = {
    "independently trained": lambda m: Case(m.parent, m.other),
    "rescaled copy, factors up to 2": lambda m: Case(m.parent, m.rescaled(m.parent, 2.0)),
    "rescaled copy, factors up to 1.05": lambda m: Case(m.parent, m.rescaled(m.parent, 1.05)),
    "rescaled, then fine-tuned": lambda m: Case(
        m.parent, train(m.rescaled(m.parent, 2.0), m.data, Run(), m.rng), {}, Run()
    ),
    "fine-tuned, units in another order": lambda m: Case(m.parent, m.permuted(train(m.parent, m.data, Run(), m.rng))),
    "mean with an independent model": lambda m: Case(
        m.parent, {name: (m.parent[name] + m.other[name]) / 2 for name in m.parent}
    ),
    "fine-tuned by Adam": lambda m: m.tuned(Run(rate=1e-3, adam=True)),
    "quantized to 6 bits": lambda m: Case(m.parent, m.quantized(6)),
}


def makers(setting: Setting, pairs: int) -> Iterator[Maker]:
    data = load(setting.data)
    for pair in range(pairs):
        rng = np.random.default_rng([pair, *setting.name.encode()])
        starts = [initial(setting, rng) for _ in range(2)]
        run = Run(setting.steps, setting.rate)
        trained = [train(start, data, run, rng) for start in starts]
        yield Maker(setting, data, starts[0], trained[0], trained[1], rng)


def decide(report: Any, maker: Maker, case: Case, told: bool) -> Lineage:
    """The test, told nothing of the run but its decay, or also its steps, its rate and ten gradients of each model."""
    options = dict(case.known)
    if told or options:
        options |= {"steps": case.run.steps, "lr": case.run.rate}
    if told:
        options["gradients"] = []
        for params in (case.parent, case.child):
            for _ in range(10):
                rows = maker.rng.integers(0, len(maker.data.x), case.run.batch)
                options["gradients"].append(gradient(params, maker.data.x[rows], maker.data.labels[rows]))
    return lineage(report, case.parent, case.child, **options)


def interval(count: int, total: int) -> tuple[float, float]:
    """Clopper and Pearson's, 95 %."""
    low = 0.0 if count == 0 else float(betaincinv(count, total - count + 1, 0.025))
    high = 1.0 if count == total else float(betaincinv(count + 1, total - count, 0.975))
    return low, high


def discover(setting: Setting) -> Any:
    return lielaws.discover_laws(lielaws.mlp(list(setting.widths), bias=setting.bias))


def measure(setting: Setting, pairs: int) -> dict[tuple[str, bool], Counter[str]]:
    """How often each decision was made, for each kind of pair, with and without knowledge of the run."""
    report = discover(setting)
    counts: dict[tuple[str, bool], Counter[str]] = {}
    for maker in makers(setting, pairs):
        for kind, make in {**DESCENDANTS, **STRANGERS}.items():
            case = make(maker)
            for told in (False, True):
                decision = decide(report, maker, case, told).decision
                counts.setdefault((kind, told), Counter())[decision] += 1
    return counts


def print_table(title: str, counts: dict[tuple[str, bool], Counter[str]]) -> None:
    print(f"\n{title}")
    for told in (False, True):
        print(f"  {'told steps, rate and gradients' if told else 'told nothing of the run'}")
        print(f"    {'pair':<38}{'pairs':>6}{'yes':>6}{'no':>6}{'?':>6}   wrong, with its 95 % interval")
        for kinds, wrong in ((DESCENDANTS, "not compatible"), (STRANGERS, "compatible")):
            for kind in kinds:
                if (kind, told) in counts:
                    print_row(kind, counts[kind, told], wrong)


def print_row(kind: str, found: Counter[str], wrong: str) -> None:
    total = found.total()
    low, high = interval(found[wrong], total)
    answers = "".join(f"{found[answer]:>6}" for answer in ("compatible", "not compatible", "undecidable"))
    print(f"    {kind:<38}{total:>6}{answers}   {found[wrong] / total:>4.0%}  [{low:.0%}, {high:.0%}]", flush=True)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("settings", nargs="*", help=", ".join(setting.name for setting in SETTINGS))
    parser.add_argument("--pairs", type=int, default=12, help="parents for each setting")
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.settings) - {setting.name for setting in SETTINGS}):
        parser.error(f"unknown: {', '.join(unknown)}")
    everything: dict[tuple[str, bool], Counter[str]] = {}
    for setting in SETTINGS:
        if given.settings and setting.name not in given.settings:
            continue
        start = time.perf_counter()
        counts = measure(setting, given.pairs)
        for key, found in counts.items():
            everything.setdefault(key, Counter()).update(found)
        widths = "-".join(map(str, setting.widths))
        title = f"{setting.name}: relu{'+bias' * setting.bias}:{widths}, {setting.start} initialization"
        print_table(f"{title}, {given.pairs} parents, {time.perf_counter() - start:.0f} s", counts)
    print_table("all settings together", everything)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
