"""Accuracy that imitation can lose: Pinsker's inequality, for predictions that are drawn from the model."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.errors import InvalidArgumentError
from lielaws.modification.clause_rows import Clause, Row, compare, inapplicable
from lielaws.modification.evaluated_chain import Question, Step
from lielaws.modification.losses import CrossEntropy, log_softmax


@dataclass(frozen=True, slots=True)
class Imitation:
    """A student compared with its teacher on labelled samples.

    divergence : mean of KL(teacher || student), in nats
    drawn : accuracy of predictions drawn from teacher and student
    most_likely : accuracy of the most likely class of both
    """

    divergence: float
    drawn: tuple[float, float]
    most_likely: tuple[float, float]

    @property
    def bound(self) -> float:
        """sqrt(KL / 2): the most that drawn predictions can lose."""
        return math.sqrt(max(0.0, self.divergence) / 2)


@dataclass(eq=False)
class Distillation:
    """KL(teacher || student) <= eps, in nats, loses at most sqrt(eps/2) in accuracy of drawn predictions.

    The accuracy of drawn predictions is the mean of p(y), and |mean of p(y) - q(y)| <= mean of the total variation <=
    mean of sqrt(KL/2) <= sqrt(mean KL / 2), by Pinsker's and Jensen's inequalities.
    """

    question: Question
    _rows: list[Row] = field(default_factory=list)

    def see(self, step: Step) -> None:
        student = step.after
        if student.logits is None:
            text = "the loss is not the cross-entropy, so the outputs are no predictive distributions"
            self._rows.append(inapplicable(step.number, "drawn accuracy", text))
            return
        teacher, slack = step.before.log_predictions, step.before.slack()
        model = step.modification.teacher
        if model is not None:
            outputs = model.outputs(student.data.x)
            if outputs.shape != student.outputs.shape:
                text = f"outputs of shape {outputs.shape}"
                raise InvalidArgumentError("teacher", text, f"{student.outputs.shape}, as of the student, is needed")
            teacher, slack = log_softmax(outputs), self.question.options.slack(outputs)
        targets = CrossEntropy().targets(student.outputs, student.data)
        found = imitation(teacher, student.log_predictions, targets)
        same = model is None and step.after.same_params(step.before)
        self._rows += self._compared(step, found, 0.0 if same else 4 * (slack + student.slack()))

    def _compared(self, step: Step, found: Imitation, slack: float) -> list[Row]:
        rows, allowed = [], self.question.options.kl_tolerance
        if allowed is not None:
            rows.append(compare(step.number, "KL (nats)", found.divergence, "<=", allowed, tolerance=slack))
        lost = found.drawn[0] - found.drawn[1]
        note = (
            f"drawn {found.drawn[0]:.4f} -> {found.drawn[1]:.4f}, most likely {found.most_likely[0]:.4f} -> "
            f"{found.most_likely[1]:.4f}; KL {found.divergence:.4g} nats, sqrt(2 KL) = {2 * found.bound:.4g}"
        )
        # Rounding moves the root by at most the root of the rounding.
        bound = math.sqrt((max(0.0, found.divergence) + slack) / 2)
        rows.append(
            compare(step.number, "drawn accuracy lost", lost, "<=", bound, tolerance=slack, note=note, theorem=True)
        )
        return rows

    def clauses(self) -> list[Clause]:
        claim = "KL(teacher || student) <= eps nats loses at most sqrt(eps/2) in accuracy of predictions that are drawn"
        notes = (
            "the teacher is the one that was imitated, or else the model before; eps is its measured divergence",
            "sqrt(eps/2) is the sharp form of Pinsker's inequality; sqrt(2 eps) is weaker, and holds with it",
            argmax_example(),
        )
        return [Clause("distillation", claim, tuple(self._rows), notes=notes)]


def imitation(teacher: FloatArray, student: FloatArray, targets: FloatArray) -> Imitation:
    """From log-probabilities of teacher and student, and target distributions, each (samples, classes)."""
    p, q = np.exp(teacher), np.exp(student)
    with np.errstate(invalid="ignore"):
        terms = np.where(p > 0, p * (teacher - student), 0.0)
    divergence = max(0.0, math.fsum(terms.sum(axis=1).tolist()) / len(p))
    drawn = [math.fsum((r * targets).sum(axis=1).tolist()) / len(p) for r in (p, q)]
    rows = np.arange(len(p))
    likely = [float(targets[rows, r.argmax(axis=1)].mean()) for r in (p, q)]
    return Imitation(divergence, (drawn[0], drawn[1]), (likely[0], likely[1]))


def argmax_pair(margin: float = 0.01) -> Imitation:
    """A teacher (1/2 + m, 1/2 - m) and a student (1/2 - m, 1/2 + m), for a sample of the first class."""
    teacher, student = np.log([[0.5 + margin, 0.5 - margin]]), np.log([[0.5 - margin, 0.5 + margin]])
    return imitation(teacher, student, np.array([[1.0, 0.0]]))


def argmax_example() -> str:
    """Why the most likely class may lose more, with numbers."""
    pair = argmax_pair()
    return (
        "the most likely class may lose more: teacher (0.51, 0.49), student (0.49, 0.51), label 0 have KL "
        f"{pair.divergence:.4g} and sqrt(2 KL) = {2 * pair.bound:.4g}, and the accuracy of the most likely class falls "
        f"from {pair.most_likely[0]:.0f} to {pair.most_likely[1]:.0f}. No contradiction: the theorem is about "
        f"predictions drawn from the model, whose accuracy falls from {pair.drawn[0]:.2f} to {pair.drawn[1]:.2f}; the "
        "most likely class jumps where two classes are nearly equal"
    )
