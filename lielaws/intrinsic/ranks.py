"""The four ranks that decide whether the dynamics is intrinsic."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ranks:
    """Ranks of stacked differentials at one point.

    With z = phi(theta), gradient flow gives z' = -M grad l(z), where M = d phi d phi^T. Both kernel conditions of arXiv
    2508.07370 are equalities of ranks:

    * `ker d phi` and `ker d h` meet in 0 if and only if rank [d phi; d h] = D;
    * they meet inside `ker d M` if and only if rank [d phi; d h; d M] = rank [d phi; d h].

    As laws are constant along the gradients of phi, the rows of d h are orthogonal to those of d phi: over the reals
    the rank of both together is the sum of their ranks.

    Attributes
    ----------
    parameters : D
    phi, laws : ranks of d phi and of d h
    joint : rank of [d phi; d h]
    metric : rank of [d phi; d h; d M]
    """

    parameters: int
    phi: int
    laws: int
    joint: int
    metric: int

    @property
    def recoverable(self) -> bool:
        """Whether, locally, theta is a function of z and the laws."""
        return self.joint == self.parameters

    @property
    def intrinsic(self) -> bool:
        """Whether M does not change, to first order, where z and the laws do not."""
        return self.metric == self.joint

    @property
    def hidden(self) -> int:
        """The number of directions that neither z nor the laws see."""
        return self.parameters - self.joint

    def __str__(self) -> str:
        return (
            f"rank dphi = {self.phi}, rank dh = {self.laws}, rank [dphi; dh] = {self.joint}, "
            f"rank [dphi; dh; dM] = {self.metric}, D = {self.parameters}"
        )
