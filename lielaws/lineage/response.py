"""How gradients at each step of a run add to a law at its end: the recursion of `lielaws.training`, taken backwards.

The state of a law after a step is linear in the state before it and in three forms of the gradient, q(G), b(m, G) and
l(G). The value at the end is therefore

    keep q(theta_0) + keep_linear l(theta_0) + sum over steps of (a_t q(G_t) + b_t b(m_t, G_t) + c_t l(G_t))

with coefficients that depend on the settings alone. What is needed of them is their largest size.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.training.recursion import GradientForms, LawState, Rule, advance

_STATES = len(fields(LawState))
_INPUTS = 3
_SETTLED = 1e-12
_LONGEST_SEARCH = 100_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Of SGD as in torch.optim.SGD without dampening, constant over the run.

    steps : updates
    lr : learning rate
    decay, decoupled : coupled and decoupled weight decay
    """

    steps: int
    lr: float
    momentum: float = 0.0
    nesterov: bool = False
    decay: float = 0.0
    decoupled: float = 0.0

    def rule(self, width: int) -> Rule:
        """The factors of one step, for so many laws at once."""
        uses, both = self.momentum != 0, self.nesterov and self.momentum != 0
        numbers = {
            "lr": self.lr,
            "scale": 1.0,
            "decay": self.decay,
            "keep": self.momentum if uses else 1.0,
            "enter": 1.0 if uses else 0.0,
            "direct": 0.0 if uses and not both else 1.0,
            "through": (self.momentum if both else 1.0) if uses else 0.0,
            "decoupled": self.decoupled,
        }
        return Rule(**{name: np.full(width, number) for name, number in numbers.items()})


@dataclass(frozen=True, slots=True)
class Response:
    """Factors of the law at the start, and the largest sizes of the coefficients of the gradients.

    keep, keep_linear : of q(theta_0) and l(theta_0); 1 without decay
    square, cross, linear : of q(G), b(m, G) and l(G)
    """

    keep: float
    keep_linear: float
    square: float
    cross: float
    linear: float

    @classmethod
    def of(cls, settings: Settings) -> Response:
        matrix, inputs = _matrices(settings)
        value = np.array([1.0, 1.0, 0.0, 0.0, 0.0])
        row, largest = value, np.zeros(_INPUTS)
        for _ in range(min(settings.steps, _LONGEST_SEARCH)):
            largest = np.maximum(largest, np.abs(row @ inputs))
            following = row @ matrix
            if np.abs(following - row).max() <= _SETTLED * np.abs(row).max():
                break
            row = following
        start = value @ _power(matrix, settings.steps)
        return cls(float(start[0]), float(start[1]), *(float(size) for size in largest))


def _matrices(settings: Settings) -> tuple[FloatArray, FloatArray]:
    """Of the state before a step, (5, 5), and of the forms of the gradient, (5, 3), in the state after it."""
    width = _STATES + _INPUTS
    unit = np.eye(width)
    state = LawState(*unit[:_STATES])
    square, cross, linear = unit[_STATES:]
    forms = GradientForms(square, cross, linear, overlap=np.zeros(width))
    after = advance(state, forms, settings.rule(width))
    columns = np.stack([getattr(after, field.name) for field in fields(LawState)])
    return columns[:, :_STATES], columns[:, _STATES:]


def _power(matrix: FloatArray, exponent: int) -> FloatArray:
    result, factor = np.eye(len(matrix)), matrix
    while exponent:
        if exponent & 1:
            result = result @ factor
        factor = factor @ factor
        exponent >>= 1
    return result
