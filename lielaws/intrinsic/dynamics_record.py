"""The answer to whether the dynamics is intrinsic."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

from lielaws.engine.laws.law import Law
from lielaws.intrinsic.metric_of_z import Metric
from lielaws.intrinsic.ranks import Ranks


@dataclass(frozen=True)
class IntrinsicDynamics:
    """Whether z = phi(theta) follows a closed flow z' = -M(z) grad l(z), given the initial values of the laws.

    Attributes
    ----------
    name : of the architecture
    where : for which parameters the question was asked
    ranks : of the differentials there, which decide
    nearby : for a given point, the ranks at generic points that training leads to from there; else None
    n_functions : number of functions phi; None if they are too many to be listed
    laws : those that were found
    n_laws : at most so many independent laws exist near a generic point
    metric : M(z) in closed form, if it is known
    error_log2 : log2 of a bound on the probability that `intrinsic` is wrong; -inf if it is certain, 0 without a bound
    proof : what the answer rests on
    notes : what else should be known
    """

    name: str
    where: str
    ranks: Ranks
    nearby: Ranks | None
    n_functions: int | None
    laws: tuple[Law, ...]
    n_laws: int
    metric: Metric | None
    error_log2: float
    proof: str
    notes: tuple[str, ...]

    @property
    def n_parameters(self) -> int:
        return self.ranks.parameters

    @property
    def complete(self) -> bool:
        """Whether all laws were found."""
        return len(self.laws) == self.n_laws

    @property
    def recoverable(self) -> bool:
        """`ker d phi` and `ker d h` meet in 0: locally, theta is a function of z and the values of the laws."""
        return self.ranks.recoverable

    @property
    def intrinsic(self) -> bool:
        """`ker d phi` and `ker d h` meet inside `ker d M`: locally, M is a function of z and the values of the laws.

        At a given point this must hold there and at the points that training leads to.
        """
        return self.ranks.intrinsic and (self.nearby is None or self.nearby.intrinsic)

    @property
    def certain(self) -> bool:
        return not isfinite(self.error_log2)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "architecture": self.name,
            "where": self.where,
            "recoverable": self.recoverable,
            "intrinsic": self.intrinsic,
            "n_parameters": self.n_parameters,
            "n_functions": self.n_functions,
            "n_laws": self.n_laws,
            "n_found": len(self.laws),
            "complete": self.complete,
            "ranks": _plain(self.ranks),
            "nearby": None if self.nearby is None else _plain(self.nearby),
            "certain": self.certain,
            "error_log2": self.error_log2 if isfinite(self.error_log2) else None,
            "proof": self.proof,
            "notes": list(self.notes),
            "metric": None if self.metric is None else str(self.metric),
        }

    def __str__(self) -> str:
        from lielaws.intrinsic.dynamics_text import dynamics_text

        return dynamics_text(self)

    def __repr__(self) -> str:
        return (
            f"IntrinsicDynamics({self.name!r}, {self.where!r}, recoverable={self.recoverable}, "
            f"intrinsic={self.intrinsic})"
        )

    def _repr_html_(self) -> str:
        from lielaws.intrinsic.dynamics_text import dynamics_html

        return dynamics_html(self)


def _plain(ranks: Ranks) -> dict[str, int]:
    return {
        "dphi": ranks.phi,
        "dh": ranks.laws,
        "dphi_dh": ranks.joint,
        "dphi_dh_dM": ranks.metric,
        "parameters": ranks.parameters,
    }
