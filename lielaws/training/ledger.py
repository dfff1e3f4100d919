"""What is kept of a run: the last steps, and totals over all."""

from __future__ import annotations

from collections import deque

import numpy as np

from lielaws.training.balance_records import RunBalance, StepBalance


class Ledger:
    """Grows with each measured step; `keep` bounds what it keeps of them."""

    def __init__(self, start: StepBalance, keep: int) -> None:
        self.start = start
        self.last = start
        self.steps = 0
        self.alarms = 0
        self.first_alarm: StepBalance | None = None
        self.history: deque[StepBalance] = deque(maxlen=keep)
        self._largest = np.zeros(len(start.laws))
        self._largest_from_start = np.zeros(len(start.laws))

    def record(self, result: StepBalance) -> None:
        self.steps = result.step
        self.last = result
        self.history.append(result)
        self._largest = np.fmax(self._largest, np.abs(result.residual))
        self._largest_from_start = np.fmax(self._largest_from_start, np.abs(result.residual_from_start))
        if result.alarm:
            self.alarms += 1
            self.first_alarm = result if self.first_alarm is None else self.first_alarm

    def summary(self) -> RunBalance:
        return RunBalance(
            laws=self.start.laws,
            steps=self.steps,
            start=self.start.measured,
            end=self.last.measured,
            predicted=self.last.predicted_from_start,
            scale=self.last.scale_from_start,
            largest_residual=self._largest,
            largest_from_start=self._largest_from_start,
            step_tolerance=self.last.step_tolerance,
            tolerance=self.last.tolerance,
            alarms=self.alarms,
            first_alarm=self.first_alarm,
        )
