"""All that one discovery computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lielaws.architectures.base import Architecture
from lielaws.architectures.enough import shortages
from lielaws.certificate.build import build_certificate
from lielaws.certificate.record import Certificate
from lielaws.engine.closure.growth import Growth
from lielaws.engine.flows.fields import VectorFields
from lielaws.engine.flows.state import StateSpace
from lielaws.engine.laws.law import Law
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.laws.search import SearchResult
from lielaws.engine.potential.potentials import Potential

_SETTINGS = {"any": "any loss", "cross_entropy": "cross-entropy loss"}
_GATES = {"free": "free gates", "realizable": "realizable gates"}


@dataclass(frozen=True)
class Evidence:
    """The stages of a discovery.

    search : None if no laws were asked for
    """

    architecture: Architecture
    n_parameters: int
    flow: Any
    loss: str
    gates: str
    fields: VectorFields
    growth: Growth
    search: SearchResult | None
    max_degree: int
    seed: int

    @property
    def potential(self) -> Potential:
        return self.fields.potential

    @property
    def space(self) -> StateSpace:
        return self.fields.space

    @property
    def searched(self) -> bool:
        return self.search is not None

    @property
    def searched_degree(self) -> int:
        return self.search.degree if self.search else 0

    @property
    def tried(self) -> tuple[str, ...]:
        return self.search.tried if self.search else ()

    @property
    def skipped(self) -> tuple[str, ...]:
        return self.search.skipped if self.search else ()

    @property
    def verified(self) -> frozenset[Polynomial]:
        return self.search.verified if self.search else frozenset()

    @property
    def region(self) -> Mapping[str, Any]:
        """The integer point of the region that was counted; empty for free gates."""
        return self.fields.patterns.point if self.fields.patterns else {}

    @property
    def has_gates(self) -> bool:
        return bool(self.potential.gates)

    @property
    def setting(self) -> str:
        """What the data, the loss and the gates range over, in words."""
        parts = ["any data", _SETTINGS[self.loss]]
        return ", ".join(parts + ([_GATES[self.gates]] if self.has_gates else []))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the network has too few of for a generic count."""
        return tuple(shortages(self.architecture.spec))

    @property
    def hypotheses(self) -> tuple[str, ...]:
        texts = []
        if self.fields.patterns is not None:
            texts.append(
                f"realizable gates: the region of one integer point, with the {self.fields.patterns.count} activation "
                "patterns that 4000 data show there; the laws found are laws of the region if it has no other pattern"
            )
        elif self.has_gates:
            texts.append("free gates: the laws of all activation patterns together; a single region may have more")
        if not self.potential.plan.empty:
            texts.append(
                "upper bound only: values of functions are algebraically independent beyond the relations that were "
                "resolved (theorem of Ax for exponentials and logarithms, assumed for other functions)"
            )
        if self.potential.constants:
            names = ", ".join(dict.fromkeys(node.static.name for node in self.potential.constants))
            texts.append(f"generic constants: the statement holds for all but special values of {names}")
        if self.potential.plan.assumed:
            texts.append(
                "activation patterns: functions of gated numbers are related in each pattern only as they are for "
                "gates of any value; the checker of the certificate looks at each pattern by itself"
            )
        return tuple(texts)

    def certificate(self, laws: Sequence[Law]) -> Certificate:
        verifications = self.search.verifications if self.search else ()
        setting = {"flow": self.flow.describe(), "loss": self.loss, "gates": self.gates}
        return build_certificate(
            self.architecture,
            self.potential,
            setting,
            self.growth,
            [law.polynomial for law in laws],
            verifications,
            self.hypotheses,
            self.seed,
            self.fields.patterns,
        )
