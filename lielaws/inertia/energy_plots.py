"""Pictures of energies and ledgers. Needs the optional package matplotlib."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.checks import choice
from lielaws.errors import InvalidArgumentError, UnsupportedError
from lielaws.inertia.energy_ledger import EnergyLedger
from lielaws.inertia.energy_run import EnergyRun
from lielaws.inertia.entries import MEANINGS, PARTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KINDS = ("area", "bars")
_FINE = 500
_NEGLIGIBLE = 1e-9


def plot_energy(
    run: EnergyRun,
    theory: Callable[[FloatArray], FloatArray] | None = None,
    *,
    parts: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Energy over time; for several runs their mean with a band of four standard errors.

    Parameters
    ----------
    run : from `simulate`
    theory : function of an array of times, such as a :class:`QuadraticEnergy`, drawn as a dashed line
    parts : draw kinetic and potential energy too
    ax : axes to draw on; new ones by default

    Returns the axes. Raises UnsupportedError if matplotlib is missing.
    """
    if not isinstance(run, EnergyRun):
        raise InvalidArgumentError("run", run, "the result of simulate(...) is needed")
    if theory is not None and not callable(theory):
        raise InvalidArgumentError("theory", theory, "a function of the time is needed")
    axes = _axes(ax)
    several = run.runs > 1
    axes.plot(run.times, run.mean_energy, color="C0", label=f"E, mean of {run.runs} runs" if several else "E")
    if several:
        band = 4 * run.standard_error
        axes.fill_between(
            run.times, run.mean_energy - band, run.mean_energy + band, color="C0", alpha=0.25, linewidth=0
        )
    if parts:
        for values, color, label in ((run.kinetic, "C1", "|v|²/2"), (run.potential, "C2", "L")):
            mean = values.mean(axis=1) if several else values
            axes.plot(run.times, mean, color=color, linewidth=0.8, label=label)
    if theory is not None:
        times = np.linspace(0.0, float(run.times[-1]), _FINE)
        axes.plot(times, theory(times), color="black", linestyle="--", linewidth=1, label="theory")
    axes.set(xlabel="time", ylabel="energy")
    axes.legend()
    return axes


def plot_ledger(ledger: EnergyLedger, kind: str = "area", *, ax: Axes | None = None) -> Axes:
    """Where the energy went, by part.

    Parameters
    ----------
    ledger : with at least one entry
    kind : "area": what each part has added since the start, gains stacked above zero and losses below, with the
        change of energy as a line; "bars": the totals
    ax : axes to draw on; new ones by default

    Entries with a step above the stability limit are marked at the foot. Returns the axes. Raises UnsupportedError if
    matplotlib is missing.
    """
    if not isinstance(ledger, EnergyLedger):
        raise InvalidArgumentError("ledger", ledger, "an EnergyLedger is needed")
    choice("kind", kind, KINDS)
    if not ledger.entries:
        raise InvalidArgumentError("ledger", ledger, "has no entry yet; call step at least twice, or finish")
    axes = _axes(ax)
    columns = {part: ledger.column(part) for part in PARTS}
    sizes = {part: float(np.abs(values).sum()) for part, values in columns.items()}
    least = _NEGLIGIBLE * max(sizes.values())
    used = {part: values for part, values in columns.items() if sizes[part] > least or part == "friction"}
    if kind == "bars":
        _bars(axes, used)
    else:
        _areas(axes, ledger, used)
    return axes


def _areas(axes: Axes, ledger: EnergyLedger, used: dict[str, FloatArray]) -> None:
    steps = ledger.column("step")
    sums = {part: np.cumsum(values) for part, values in used.items()}
    for keep in (np.maximum, np.minimum):
        floor = np.zeros_like(steps)
        for index, values in enumerate(sums.values()):
            top = floor + keep(values, 0.0)
            axes.fill_between(steps, floor, top, color=f"C{index}", alpha=0.6, linewidth=0)
            floor = top
    for index, part in enumerate(sums):
        axes.fill_between([], [], [], color=f"C{index}", alpha=0.6, label=MEANINGS[part])
    axes.plot(steps, np.cumsum(ledger.column("change")), color="black", label="change of energy")
    above = ledger.column("above_limit") > 0
    if np.any(above):
        foot = np.full(int(above.sum()), axes.get_ylim()[0])
        axes.plot(steps[above], foot, "|", color="red", label="step above the stability limit")
    axes.set(xlabel="step", ylabel="energy since the start")
    axes.legend(fontsize="small")


def _bars(axes: Axes, used: dict[str, FloatArray]) -> None:
    labels = [MEANINGS[part] for part in used]
    axes.barh(labels, [float(values.sum()) for values in used.values()], color=[f"C{k}" for k in range(len(used))])
    axes.axvline(0.0, color="black", linewidth=0.8)
    axes.invert_yaxis()
    axes.set(xlabel="energy")


def _axes(ax: Any) -> Axes:
    try:
        from matplotlib import pyplot as plt
        from matplotlib.axes import Axes
    except ImportError as problem:
        raise UnsupportedError("plot", "matplotlib is not installed", "run: pip install 'lielaws[plot]'") from problem
    if ax is None:
        return plt.subplots()[1]
    if not isinstance(ax, Axes):
        raise InvalidArgumentError("ax", ax, "matplotlib axes are needed")
    return ax
