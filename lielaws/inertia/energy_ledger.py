"""An energy ledger for a real run of SGD with momentum, kept beside the training loop."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.checks import choice, count, flag, nonnegative
from lielaws.errors import InvalidArgumentError
from lielaws.inertia.energy_totals import LedgerSummary
from lielaws.inertia.entries import (
    ClosedStep,
    LedgerEntry,
    OpenStep,
    close_step,
    curvature_along,
    limit_of,
    split_change,
)
from lielaws.inertia.flat_parameters import Layout, rounding, scalar
from lielaws.inertia.recording import Stop
from lielaws.inertia.sgd_momentum import MomentumMap, check_dampening, check_momentum, check_nesterov

_ROUNDINGS = 64


class EnergyLedger:
    """Where the energy of a run of SGD with momentum goes: friction, noise, and steps that are too large.

    Call `step` once for each step of the optimizer, before it moves the parameters, and `finish` after the last one.
    The energy is `|v|^2/2 + L` in the central reading of :class:`MomentumMap`; each change of it is split into parts
    that sum to it exactly, see lielaws.inertia.entries. If something is no longer finite the ledger stops, keeps what
    it has and says at which step in `stopped`; it never ends the run.

    Parameters
    ----------
    lr, momentum, dampening, nesterov, weight_decay : as in PyTorch's SGD; the decay is the coupled one, whose
        `weight_decay |theta|^2/2` counts as loss. One learning rate for all parameters
    minibatch : whether the gradients are of minibatches, so that their noise can be told from the finite step only
        where `full_grads` are given
    record_every : steps that are summed into one entry, to bound the memory of long runs
    buffer : momentum buffers in the form of the parameters, if the run has begun already; its first step is then only
        used to find the energy

    Raises a LieLawsError for settings and arrays that cannot be used. In a PyTorch loop::

        ledger = EnergyLedger(lr=0.1, momentum=0.9, minibatch=True)
        for batch in batches:
            loss = ...
            loss.backward()
            parameters = dict(model.named_parameters())
            ledger.step(parameters, {name: p.grad for name, p in parameters.items()}, loss)
            optimizer.step()
    """

    def __init__(
        self,
        lr: float | None = None,
        momentum: float = 0.0,
        *,
        dampening: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        minibatch: bool = False,
        record_every: int = 1,
        buffer: Any = None,
    ) -> None:
        self.lr = None if lr is None else nonnegative("lr", lr)
        self.momentum, self.dampening = check_momentum(momentum), check_dampening(dampening)
        self.nesterov = flag("nesterov", nesterov)
        check_nesterov(self.nesterov, self.momentum, self.dampening)
        self.weight_decay = nonnegative("weight_decay", weight_decay)
        self.minibatch = flag("minibatch", minibatch)
        self.record_every = count("record_every", record_every)
        self.stopped: Stop | None = None
        self._buffer = buffer
        self._layout: Layout | None = None
        self._unit = 0.0
        self._steps, self._time = 0, 0.0
        self._start: float | None = None
        self._open: OpenStep | None = None
        self._last: ClosedStep | None = None
        self._entries: list[LedgerEntry] = []
        self._finished = False

    @property
    def entries(self) -> tuple[LedgerEntry, ...]:
        """One for each step, or for each `record_every` steps."""
        return tuple(self._entries)

    @np.errstate(all="ignore")
    def step(
        self,
        params: Any,
        grads: Any,
        loss: Any,
        *,
        full_grads: Any = None,
        lr: float | None = None,
        momentum: float | None = None,
    ) -> LedgerEntry | None:
        """Before a step of the optimizer: where it is, and the gradient that it will use.

        Parameters
        ----------
        params, grads : one array, or mappings of name to array or tensor. The gradients are those that the optimizer
            gets, after clipping and before weight decay
        loss : the loss at `params` whose energy is followed, best on all data; with losses of minibatches the change
            of the batch is among what cannot be resolved
        full_grads : gradient of that loss, if the optimizer uses another one
        lr, momentum : of this step, if they differ from those of the ledger

        Returns the entry of the step before, which is complete now, or None if there is none.
        """
        if self._finished:
            raise InvalidArgumentError("ledger", "finished", "make a new one for another run")
        if self.stopped is not None:
            return None
        rate, mu = self._settings(lr, momentum)
        theta, value = self._read(params, loss)
        used = self._gradient("grads", grads, theta)
        known = full_grads is not None or not self.minibatch
        full = used if full_grads is None else self._gradient("full_grads", full_grads, theta)
        entry = self._close(theta, value, full if known else None, (used, full))
        if self.stopped is not None:
            return None
        self._steps += 1
        first = self._last is None and self._buffer is None
        before = self._first_buffer(theta) if self._open is None else self._open.after
        force = 1.0 if first else 1 - self.dampening
        after = mu * before + force * used
        self._open = OpenStep(
            rate, mu, self.dampening, self.nesterov, force, theta, value, full, used, known, before, after
        )
        if first:
            self._last = ClosedStep.at_rest(self._open)
            self._start = value
        self._time += math.sqrt(2 * rate * (1 - self.dampening) / (1 + mu))
        return entry

    @np.errstate(all="ignore")
    def finish(self, params: Any, loss: Any, grads: Any = None) -> LedgerEntry | None:
        """After the last step: where it ended, the loss there, and its gradient if the curvature is wanted."""
        if self.stopped is not None or self._finished or self._open is None:
            self._finished = True
            return None
        theta, value = self._read(params, loss)
        full = None if grads is None else self._gradient("grads", grads, theta)
        entry = self._close(theta, value, full, () if full is None else (full,))
        self._finished = True
        return entry

    def summary(self) -> LedgerSummary:
        """Totals over all steps so far, and what was conspicuous."""
        return LedgerSummary.of(self._entries, self._start, self.stopped)

    def to_dict(self) -> dict[str, Any]:
        """Settings, summary and entries, as numbers and texts that JSON can hold."""
        names = ("lr", "momentum", "dampening", "nesterov", "weight_decay", "minibatch", "record_every")
        settings = {name: getattr(self, name) for name in names}
        entries = [entry.to_dict() for entry in self._entries]
        return {"settings": settings, "summary": self.summary().to_dict(), "entries": entries}

    def column(self, name: str) -> FloatArray:
        """One field of all entries as an array, such as "energy", "friction" or "time"."""
        choice("name", name, LedgerEntry.__slots__)
        return np.array([getattr(entry, name) for entry in self._entries], dtype=np.float64)

    def momentum_map(self) -> MomentumMap:
        """The time step and the friction of the flow that these settings step."""
        if self.lr is None:
            raise InvalidArgumentError(
                "lr", None, "the ledger has none of its own; make a MomentumMap of the one you mean"
            )
        return MomentumMap(self.lr, self.momentum, self.dampening, self.nesterov)

    def __str__(self) -> str:
        return str(self.summary())

    def __repr__(self) -> str:
        end = "" if self.stopped is None else f", {self.stopped}"
        return f"EnergyLedger(lr={self.lr}, momentum={self.momentum}, {self._steps} steps{end})"

    def _settings(self, lr: float | None, momentum: float | None) -> tuple[float, float]:
        rate = self.lr if lr is None else nonnegative("lr", lr)
        if rate is None:
            raise InvalidArgumentError("lr", lr, "a learning rate is needed, here or for the whole ledger")
        mu = self.momentum if momentum is None else check_momentum(momentum)
        return rate, mu

    def _read(self, params: Any, loss: Any) -> tuple[FloatArray, float]:
        """Position and loss, with the decay as part of the loss."""
        if self._layout is None:
            self._layout = Layout.of("params", params)
            self._unit = rounding(params)
        theta = self._layout.flatten("params", params)
        return theta, scalar("loss", loss) + self.weight_decay / 2 * float(theta @ theta)

    def _gradient(self, name: str, grads: Any, theta: FloatArray) -> FloatArray:
        assert self._layout is not None
        return self._layout.flatten(name, grads) + self.weight_decay * theta

    def _first_buffer(self, theta: FloatArray) -> FloatArray:
        assert self._layout is not None
        if self._buffer is None:
            return np.zeros_like(theta)
        buffer = self._layout.flatten("buffer", self._buffer)
        if not np.all(np.isfinite(buffer)):
            raise InvalidArgumentError("buffer", buffer, "finite numbers are needed")
        return buffer

    def _close(
        self, theta: FloatArray, loss: float, full: FloatArray | None, gradients: tuple[FloatArray, ...]
    ) -> LedgerEntry | None:
        """The entry of the step that led here; stops the ledger if something is not finite."""
        number = self._steps + 1
        what = [("a parameter", theta), ("the loss", np.asarray(loss)), *(("a gradient", entry) for entry in gradients)]
        bad = next((name for name, value in what if not np.all(np.isfinite(value))), None)
        if bad is not None:
            self.stopped = Stop(number, f"{bad} is not finite")
            return None
        if self._open is None:
            return None
        closed = close_step(self._open, theta, loss)
        entry = None if self._last is None else self._entry(self._open, self._last, closed, loss, full)
        if entry is not None and not entry.finite:
            self.stopped = Stop(number, "the energy is not finite")
            return None
        if self._last is None:
            self._start = closed.kinetic + closed.potential
        self._last = closed
        if entry is not None:
            self._keep(entry)
        return entry

    def _keep(self, entry: LedgerEntry) -> None:
        if self._entries and self._entries[-1].steps < self.record_every:
            self._entries[-1] = self._entries[-1] + entry
        else:
            self._entries.append(entry)

    def _entry(
        self, opened: OpenStep, last: ClosedStep, closed: ClosedStep, loss: float, full: FloatArray | None
    ) -> LedgerEntry:
        parts = split_change(opened, last, closed, loss)
        change = (closed.kinetic - last.kinetic) + (closed.potential - last.potential)
        limit, curvature = limit_of(opened), math.nan
        if full is not None and opened.resolved:
            curvature = curvature_along(opened, closed.moved, full, self._unit)
        strange, whole = _length(closed.strange), _length(closed.moved) + opened.lr * _length(opened.update)
        slack = _length(opened.theta) + opened.lr * _length(opened.update) / max(1e-3, 1 - opened.momentum)
        return LedgerEntry(
            step=self._steps,
            steps=1,
            lr=opened.lr,
            momentum=opened.momentum,
            time=self._time,
            energy=closed.kinetic + closed.potential,
            kinetic=closed.kinetic,
            potential=closed.potential,
            change=change,
            **parts,
            residual=change - math.fsum(parts.values()),
            curvature=curvature,
            limit=limit,
            above_limit=int(curvature > limit),
            unexplained=strange / whole if whole else 0.0,
            mismatches=int(strange > _ROUNDINGS * self._unit * slack),
        )


def _length(vector: FloatArray) -> float:
    return math.sqrt(float(vector @ vector))
