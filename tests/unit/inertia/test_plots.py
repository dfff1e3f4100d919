"""Pictures: what is drawn, and the error without matplotlib."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from lielaws.errors import LieLawsError, UnsupportedError
from lielaws.inertia import EnergyLedger, plot_energy, plot_ledger, quadratic_energy, simulate
from tests.unit.inertia.losses import Quadratic


@pytest.fixture
def figures():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    yield plt
    plt.close("all")


def make_run(**keywords):
    problem = Quadratic([[1, 0], [0, 4]])
    return simulate(problem.loss, problem.gradient, [1.0, 1.0], step=0.1, n_steps=50, friction=0.2, **keywords)


def make_ledger(lr=0.1, steps=30):
    problem, theta, buffer = Quadratic([[1, 0], [0, 4]]), np.array([1.0, 1.0]), np.zeros(2)
    ledger = EnergyLedger(lr, 0.9)
    for _ in range(steps):
        gradient = problem.gradient(theta)
        ledger.step(theta, gradient, problem.loss(theta))
        buffer = 0.9 * buffer + gradient
        theta = theta - lr * buffer
    return ledger


def test_energy_against_theory(figures):
    run, theory = make_run(), quadratic_energy([1, 4], [1, 1], friction=0.2)
    axes = plot_energy(run, theory, parts=True)
    measured, kinetic, potential, expected = axes.get_lines()
    assert np.array_equal(measured.get_ydata(), run.energy)
    assert np.allclose(kinetic.get_ydata() + potential.get_ydata(), run.energy)
    assert np.allclose(expected.get_ydata(), theory(expected.get_xdata()))
    assert axes.get_xlabel() == "time"
    own = figures.subplots()[1]
    assert plot_energy(run, ax=own) is own


def test_ensembles_have_a_band(figures):
    axes = plot_energy(make_run(noise=0.5, runs=5), parts=True)
    assert len(axes.collections) == 1
    assert "5 runs" in axes.get_legend().get_texts()[0].get_text()


@pytest.mark.parametrize("kind", ["area", "bars"])
def test_ledgers(figures, kind):
    ledger = make_ledger()
    axes = plot_ledger(ledger, kind)
    if kind == "area":
        assert np.allclose(axes.get_lines()[0].get_ydata(), np.cumsum(ledger.column("change")))
    else:
        widths = [bar.get_width() for bar in axes.patches]
        assert sum(widths) == pytest.approx(ledger.summary().change)


def test_unstable_steps_are_marked(figures):
    labels = [text.get_text() for text in plot_ledger(make_ledger(lr=1.2)).get_legend().get_texts()]
    assert "step above the stability limit" in labels


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: plot_energy("run"), "run = 'run'"),
        (lambda: plot_energy(make_run(), 3), "theory = 3"),
        (lambda: plot_energy(make_run(), ax=3), "ax = 3"),
        (lambda: plot_ledger(3), "ledger = 3"),
        (lambda: plot_ledger(make_ledger(), "pie"), "kind = 'pie'"),
        (lambda: plot_ledger(EnergyLedger(0.1)), "no entry yet"),
    ],
)
def test_bad_input(figures, call, error):
    with pytest.raises(LieLawsError, match=error):
        call()


@pytest.mark.parametrize("call", [lambda: plot_energy(make_run()), lambda: plot_ledger(make_ledger())])
def test_without_matplotlib(monkeypatch, call):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.axes", None)
    with pytest.raises(UnsupportedError, match=r"pip install 'lielaws\[plot\]'"):
        call()
