"""The closed form of a count over a family, with all that speaks for it and against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lielaws.errors import InvalidArgumentError
from lielaws.formulas.regimes import Model
from lielaws.formulas.sizes import Shape
from lielaws.formulas.support import Narrow


class FormulaPiece(NamedTuple):
    """A condition and the value where it holds, and no earlier one does; sympy expressions."""

    condition: Any
    expr: Any


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Cases that the search did not see: how many, and how many of them the formula got right."""

    cases: int
    agree: int

    @property
    def passed(self) -> bool:
        return self.cases == self.agree


@dataclass(frozen=True, slots=True)
class FreshCheck:
    """A case beyond the data, computed after the formula was found.

    predicted : the value of the formula, or None where it is open
    """

    sizes: Any
    predicted: int | None
    computed: int

    @property
    def agrees(self) -> bool:
        return self.predicted == self.computed


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """What the data do not decide.

    kind : "condition", "formula", "constant size" or "equal sizes"
    text : what else fits, or what is open
    same : whether the alternative has the same values in all cases that were compared, so that nothing is open
    simple : whether the alternative is about as simple as what was chosen
    decided_by : sizes that would decide, or None
    """

    kind: str
    text: str
    same: bool
    simple: bool
    decided_by: Any = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A case whose count would help, and why."""

    sizes: Any
    reason: str


@dataclass(frozen=True)
class Conjecture:
    """A formula for the number of laws as a function of the sizes. An observation about the data, not a theorem.

    Attributes
    ----------
    family : of the rows, or None
    variables : the sizes that the formula may depend on
    formula : sympy expression; a Piecewise where conditions decide; None if nothing was found
    pieces : conditions and expressions, of which the first that holds decides
    regime : the conditions in words
    complete : whether the formula covers all the data; else it holds in its regime, and `deviating` lists the others
    determined : whether nothing that fits the data as well is as simple
    rows : number of cases in the data, of which `fits` agree and all others are open
    unknowns : number of coefficients in the formula
    held_back : cases that the search did not see
    fresh : cases beyond the data that were computed afterwards
    ambiguities, proposals : what else fits, and which cases would decide
    deviating : (sizes, count) of cases where the formula is open
    refuted : (formula, sizes, count) of earlier formulas and the fresh case that refuted them
    notes : what else should be known
    where : the values that the rows were chosen by
    """

    family: str | None
    variables: tuple[str, ...]
    formula: Any
    pieces: tuple[FormulaPiece, ...]
    regime: str
    complete: bool
    determined: bool
    rows: int
    fits: int
    unknowns: int
    held_back: HeldBack
    fresh: tuple[FreshCheck, ...]
    ambiguities: tuple[Ambiguity, ...]
    proposals: tuple[Proposal, ...]
    deviating: tuple[tuple[Any, int], ...]
    refuted: tuple[tuple[str, Any, int], ...]
    notes: tuple[str, ...]
    fixed: Mapping[str, int]
    piece_texts: tuple[tuple[str, str, int], ...] = field(repr=False)
    model: Model = field(repr=False)
    shape: Shape = field(repr=False)
    found: Model = field(repr=False)
    narrow: tuple[Narrow, ...] = field(repr=False)
    where: Mapping[str, str] = field(default_factory=dict)

    def evaluate(self, sizes: Any) -> int:
        """The value for sizes in the form of the rows, or a list of widths.

        Raises InvalidArgumentError for sizes that the formula is not about, where it is open, and where no case has
        tested how it depends on a size.
        """
        read = self.shape.check(sizes, self.fixed)
        row = self.shape.row(read)
        for name, only in self.fixed.items():
            if row.get(name, only) != only:
                raise InvalidArgumentError("sizes", sizes, f"the formula is only about {name} = {only}")
        case = self.shape.cases([read])
        value = self.model.values(case)[0] if self.model.pieces else None
        if value is None:
            raise InvalidArgumentError("sizes", sizes, f"the formula is open here; it holds {self.regime or 'nowhere'}")
        piece = int(self.found.assigned(case)[0])
        for narrow in self.narrow:
            if narrow.piece == piece and int(case.form(narrow.form)[0]) not in narrow.known:
                seen = ", ".join(map(str, sorted(narrow.known)))
                remedy = f"the data have {narrow.text} = {seen} only, too few to tell the count for others; add some"
                raise InvalidArgumentError("sizes", sizes, remedy)
        if value.denominator != 1 or value < 0:
            raise InvalidArgumentError(
                "sizes", sizes, f"the formula gives {value} here, which is no count, so it is wrong"
            )
        return value.numerator

    def __str__(self) -> str:
        from lielaws.formulas.formula_text import conjecture_text

        return conjecture_text(self)

    def latex(self) -> str:
        """The formula in LaTeX."""
        from lielaws.formulas.formula_text import conjecture_latex

        return conjecture_latex(self)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON can hold them."""
        return {
            "family": self.family,
            "where": dict(self.where),
            "variables": list(self.variables),
            "formula": None if self.formula is None else str(self.formula),
            "latex": self.latex(),
            "pieces": [{"condition": c, "expression": e, "rows": n} for c, e, n in self.piece_texts],
            "regime": self.regime,
            "complete": self.complete,
            "determined": self.determined,
            "rows": self.rows,
            "fits": self.fits,
            "unknowns": self.unknowns,
            "fixed": dict(self.fixed),
            "held_back": {"cases": self.held_back.cases, "agree": self.held_back.agree},
            "fresh": [{"sizes": c.sizes, "predicted": c.predicted, "computed": c.computed} for c in self.fresh],
            "ambiguities": [
                {"kind": a.kind, "text": a.text, "same": a.same, "simple": a.simple, "decided_by": a.decided_by}
                for a in self.ambiguities
            ],
            "proposals": [{"sizes": p.sizes, "reason": p.reason} for p in self.proposals],
            "deviating": [{"sizes": sizes, "n_laws": count} for sizes, count in self.deviating],
            "refuted": [{"formula": f, "sizes": sizes, "n_laws": count} for f, sizes, count in self.refuted],
            "notes": list(self.notes),
        }
