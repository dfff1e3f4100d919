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
from lielaws.engine.flows.dynamics import Flow
from lielaws.engine.flows.fields import VectorFields
from lielaws.engine.flows.state import StateSpace
from lielaws.engine.graph.constants import is_generic
from lielaws.engine.laws.law import Law
from lielaws.engine.laws.search import SearchResult
from lielaws.engine.potential.patterns import DENOMINATOR
from lielaws.engine.potential.potentials import Potential

# A degree that no search has: it may be compared after it was sent to another process.
NOT_SEARCHED = SearchResult(degree=-1)

_SETTINGS = {"any": "any loss", "cross_entropy": "cross-entropy loss"}
_ALL_PATTERNS = (
    "free gates: all activation patterns are taken together, whether or not data show each of them; a single region "
    "may have more laws"
)
_SHOWN_PATTERNS = (
    "free gates: the laws of all activation patterns that data show at some parameters, taken together; a single "
    "region may have more"
)
_GATES = {"free": "free gates", "realizable": "realizable gates"}


@dataclass(frozen=True)
class Evidence:
    """The stages of a discovery; `search` is NOT_SEARCHED if no laws were asked for."""

    architecture: Architecture
    n_parameters: int
    gates: str
    fields: VectorFields
    growth: Growth
    search: SearchResult
    max_degree: int
    seed: int

    @property
    def flow(self) -> Flow:
        return self.fields.flow

    @property
    def potential(self) -> Potential:
        return self.fields.potential

    @property
    def space(self) -> StateSpace:
        return self.fields.space

    @property
    def searched(self) -> bool:
        return self.search != NOT_SEARCHED

    @property
    def region(self) -> Mapping[str, Any]:
        """The integer point of the region that was counted; empty for free gates."""
        region = self.fields.region
        points = {} if region is None else region.points
        return {name: (array[0] // DENOMINATOR).tolist() for name, array in points.items()}

    @property
    def setting(self) -> str:
        """What the data, the loss and the gates range over, in words."""
        parts = ["any data", _SETTINGS[self.potential.loss]]
        return ", ".join(parts + ([_GATES[self.gates]] if self.potential.gates else []))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the network has too few of for a generic count."""
        return tuple(shortages(self.architecture.spec))

    @property
    def hypotheses(self) -> tuple[str, ...]:
        texts = []
        if self.fields.region is not None:
            texts.append(
                f"realizable gates: the region of one integer point, with the {self.fields.region.count} activation "
                "patterns that data were seen to show there; the laws found are laws of the region if it has no other "
                "pattern"
            )
        elif self.potential.gates:
            texts.append(_ALL_PATTERNS if self.potential.free_gates else _SHOWN_PATTERNS)
        generic = [node.static.name for node in self.potential.constants if is_generic(node.static)]
        if generic:
            names = ", ".join(dict.fromkeys(generic))
            texts.append(f"generic constants: the statement holds for all but special values of {names}")
        return tuple(texts)

    def certificate(self, laws: Sequence[Law]) -> Certificate:
        setting = {"flow": self.flow.describe(), "loss": self.potential.loss, "gates": self.gates}
        return build_certificate(
            self.architecture.name,
            self.fields,
            setting,
            self.growth,
            [law.polynomial for law in laws],
            self.search.verifications,
            self.hypotheses,
            self.seed,
        )
