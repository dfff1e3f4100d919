"""Statements about the energy, with the steps of their derivation, each checked by sympy when it is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lielaws.errors import ExactnessError

if TYPE_CHECKING:
    import sympy

PAPER = "arXiv 2505.19171"
OURS = "lielaws"

# L(theta1(t), theta2(t)) is printed as L, and v1(t) as v1: which arguments they have is said once, in the text.
_ARGUMENTS = re.compile(r"\((?:t|theta\d+(?:\(t\))?(?:, theta\d+(?:\(t\))?)*)\)")
_LATEX_ENTRY = r"\\theta_\{\d+\}(?:\{\\left\(t \\right\)\})?"
_LATEX_ARGUMENTS = re.compile(rf"\{{\\left\((?:t|{_LATEX_ENTRY}(?:,{_LATEX_ENTRY})*) \\right\)\}}")


@dataclass(frozen=True)
class Step:
    """One equation of a derivation.

    text : why it holds, in words
    left, right : its two sides, which have to be equal identically
    """

    text: str
    left: sympy.Expr
    right: sympy.Expr

    @cached_property
    def holds(self) -> bool:
        """Whether sympy finds the two sides identical."""
        return vanishes(self.left - self.right)

    def __str__(self) -> str:
        return f"{self.text}: {_ARGUMENTS.sub('', f'{self.left} = {self.right}')}"

    def latex(self) -> str:
        import sympy

        return _LATEX_ARGUMENTS.sub("", f"{sympy.latex(self.left)} = {sympy.latex(self.right)}")


@dataclass(frozen=True)
class EnergyStatement:
    """A statement, what it supposes, and how it follows.

    name : short title
    text : the statement in plain text
    formula : the same in LaTeX, without dollar signs
    source : the paper that states it, or "lielaws" for what is derived here
    left, right : the equation in coordinates
    hypotheses : what is supposed beyond the equations of motion
    steps : the derivation; the last one is the equation itself
    """

    name: str
    text: str
    formula: str
    source: str
    left: sympy.Expr
    right: sympy.Expr
    hypotheses: tuple[str, ...]
    steps: tuple[Step, ...]

    @cached_property
    def holds(self) -> bool:
        """Whether the equation and every step were found identical by sympy."""
        return bool(self.steps) and vanishes(self.left - self.right) and all(step.holds for step in self.steps)

    def verify(self) -> bool:
        """Check every step again from its two sides, and the equation itself.

        Raises ExactnessError with the step that fails.
        """
        for step in (*self.steps, Step("the statement", self.left, self.right)):
            if not vanishes(step.left - step.right):
                raise ExactnessError(f"{self.name}: this step does not hold: {step}")
        return True

    def __str__(self) -> str:
        lines = [self.name, f"  {self.text}", f"  source    {self.source}"]
        lines += [f"  supposed  {hypothesis}" for hypothesis in self.hypotheses]
        lines += [f"  {number}. {step}" for number, step in enumerate(self.steps, 1)]
        lines.append(f"  checked   {'yes, by sympy' if self.holds else 'NO: a step does not hold'}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"EnergyStatement({self.name!r}, {self.text!r})"

    def latex(self) -> str:
        """The statement and its derivation as an aligned display, without dollar signs."""
        rows = [self.formula, *(step.latex() for step in self.steps)]
        return r"\begin{gathered} " + r" \\ ".join(rows) + r" \end{gathered}"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"


def vanishes(difference: sympy.Expr) -> bool:
    """Whether sympy reduces the expression to zero. False means that it did not; never a guess from floats."""
    import sympy

    if difference == 0 or sympy.expand(difference) == 0:
        return True
    if difference.is_rational_function():
        return bool(sympy.cancel(difference) == 0)
    difference = sympy.expand(difference.doit())
    return bool(difference == 0 or sympy.simplify(difference) == 0)
