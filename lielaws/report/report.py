"""The report of one discovery."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lielaws.architectures.base import Architecture
from lielaws.architectures.enough import shortages
from lielaws.arraytypes import FloatArray, IntArray
from lielaws.certificate.build import build_certificate
from lielaws.certificate.record import Certificate
from lielaws.engine.arithmetic.modular import BadPrimeError
from lielaws.engine.closure.growth import Growth, KnownGrowth
from lielaws.engine.flows.dynamics import Flow
from lielaws.engine.flows.fields import VectorFields
from lielaws.engine.flows.state import StateSpace
from lielaws.engine.graph.constants import is_generic
from lielaws.engine.laws.expressions import StateFunction, at_random_state
from lielaws.engine.laws.law import Law, state_matrix
from lielaws.engine.laws.lazy_laws import LazyLaws
from lielaws.engine.laws.presentation import LawGroup, group_laws
from lielaws.engine.laws.search import SearchResult
from lielaws.engine.laws.terms import TermTable
from lielaws.engine.linalg import Echelon
from lielaws.engine.potential.patterns import DENOMINATOR
from lielaws.engine.potential.potentials import Potential
from lielaws.errors import InvalidArgumentError, LieLawsError

if TYPE_CHECKING:
    from lielaws.spec import LawText

# A degree that no search has: it may be compared after it was sent to another process.
NOT_SEARCHED = SearchResult(degree=-1)

# Parameters beyond which scalar laws are not written out: each of them has thousands of terms.
_MOST_LISTED = 20_000

_ALL_PATTERNS = (
    "free gates: all activation patterns are taken together, whether or not data show each of them; a single region "
    "may have more laws"
)
_SHOWN_PATTERNS = (
    "free gates: the laws of all activation patterns that data show at some parameters, taken together; a single "
    "region may have more"
)


@dataclass(frozen=True, repr=False)
class Report:
    """All that is known about the conservation laws of one architecture.

    architecture : what was discovered, for instance to train it; of a part of one, that part
    n_parameters : D, of the whole architecture
    brackets : the growth of their ranks
    search : NOT_SEARCHED if no laws were asked for
    laws : independent laws, simplest first; for a large network made one by one, when they are asked for
    seconds : time by stage
    stopped : the time limit, if it ended the discovery
    """

    architecture: Architecture
    n_parameters: int
    gates: str
    fields: VectorFields
    brackets: Growth
    search: SearchResult
    max_degree: int
    seed: int
    laws: Sequence[Law]
    seconds: Mapping[str, float] = field(compare=False)
    stopped: float | None = None

    @property
    def name(self) -> str:
        return self.architecture.name

    def __repr__(self) -> str:
        found = f"{len(self.laws)} of at most {self.n_laws} laws"
        return f"Report({self.name!r}, {self.n_parameters} parameters, {found}, complete={self.complete})"

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
        points = {} if self.fields.region is None else self.fields.region.points
        return {name: (array[0] // DENOMINATOR).tolist() for name, array in points.items()}

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
            all_meant = isinstance(self.brackets, KnownGrowth) or self.potential.free_gates
            texts.append(_ALL_PATTERNS if all_meant else _SHOWN_PATTERNS)
        generic = [node.static.name for node in self.potential.constants if is_generic(node.static)]
        if generic:
            names = ", ".join(dict.fromkeys(generic))
            texts.append(f"generic constants: the statement holds for all but special values of {names}")
        return tuple(texts)

    @property
    def dimension(self) -> int:
        """Dimension of the state space of the flow."""
        return self.space.dimension

    @property
    def growth(self) -> tuple[int, ...]:
        """Ranks of the brackets by depth; the last one is repeated when the family has closed."""
        return self.brackets.ranks

    @property
    def closed(self) -> bool:
        """Whether the growth stopped before the depth limit; if not, more brackets might lower the upper bound."""
        return self.brackets.closed

    @property
    def evidence(self) -> str:
        """The theorem that tells the laws, or how sparse the rows of brackets are; empty for dense ones."""
        return self.brackets.evidence if self.fields.theorem is None else str(self.fields.theorem.statement)

    @property
    def n_laws(self) -> int:
        """At most so many independent laws exist near a generic point."""
        return self.dimension - self.growth[-1]

    @property
    def n_symmetries(self) -> int:
        """Infinitesimal symmetries: D minus the dimension of the family itself."""
        return self.dimension - self.growth[0]

    @property
    def complete(self) -> bool:
        """Whether there are as many verified laws as the upper bound allows."""
        return self.searched and len(self.laws) == self.n_laws

    @property
    def missing(self) -> int:
        return self.n_laws - len(self.laws)

    @cached_property
    def groups(self) -> tuple[LawGroup, ...]:
        """The laws as a person would write them."""
        if isinstance(self.laws, LazyLaws):
            return self.laws.groups
        return group_laws(self.laws, self.search.verified)

    def by_tensors(self) -> dict[tuple[str, ...], int]:
        """How many of the laws found involve exactly each set of tensors, in the order of the laws."""
        found: Counter[tuple[str, ...]] = Counter()
        for group in self.groups:
            found[group.laws[0].support] += len(group.laws)
        return dict(found)

    @cached_property
    def certificate(self) -> Certificate:
        """Both bounds with their witnesses."""
        return build_certificate(
            self.name,
            self.fields,
            {"flow": self.flow.describe(), "loss": self.potential.loss, "gates": self.gates},
            self.brackets,
            self.laws,
            self.search.verifications,
            self.hypotheses,
            self.seed,
        )

    def contains(self, h: Any) -> bool:
        """Whether h is a function of the laws found, at a generic point.

        Parameters
        ----------
        h : a sympy expression in entries such as W1[0, 2], or its text

        Decided by ranks of gradients at random points modulo random primes: "no" is certain, "yes" is wrong with
        probability below degree^3 / 2^90, for three tries.
        """
        space = self.space
        function = StateFunction.of(self._expression(h), space)
        rng = np.random.default_rng(self.seed)

        def depends(state: IntArray, prime: int) -> bool:
            if isinstance(self.laws, LazyLaws):
                return self.laws.combines(function.gradients(state, prime)[0], state[0], prime)
            echelon = Echelon(self.dimension, prime)
            if self.laws:
                table = TermTable.of([law.polynomial for law in self.laws], self.dimension)
                echelon.extend(table.gradients(state[0], prime))
            if echelon.rank < len(self.laws):
                raise BadPrimeError
            return bool(echelon.contains(function.gradients(state, prime))[0])

        return all(at_random_state(depends, space, rng, str(function.expression)) for _ in range(3))

    def _expression(self, h: Any) -> Any:
        if not isinstance(h, str):
            return h.expr if isinstance(h, Law) else h
        parsed = read_laws(h, self.space, "h")
        if len(parsed) != 1:
            raise InvalidArgumentError("h", h, f"one scalar expression is needed, this gives {len(parsed)}")
        return parsed[0].expr

    def evaluate(
        self,
        trajectory: Sequence[Mapping[str, Any]],
        times: Sequence[float] | None = None,
        velocities: Sequence[Mapping[str, Any]] | None = None,
    ) -> FloatArray:
        """The laws along a sequence of parameter mappings, shape (len(trajectory), len(laws)).

        Parameters
        ----------
        times : one number for each, for flows under which time belongs to the state
        velocities : one mapping of parameter names to arrays for each, for flows with velocities
        """
        if isinstance(self.laws, LazyLaws):
            return np.array([self.laws.evaluate(params) for params in trajectory]).reshape(-1, len(self.laws))
        states = state_matrix(self.space, trajectory, times, velocities)
        columns = [law.evaluate_states(states) for law in self.laws]
        return np.stack(columns, axis=1) if columns else np.zeros((len(states), 0))

    def to_dict(self) -> dict[str, Any]:
        """Plain values; the same input and seed give the same mapping."""
        return {
            "architecture": self.name,
            "spec": self.architecture.spec,
            "flow": str(self.flow),
            "loss": self.potential.loss,
            "gates": self.gates,
            "n_parameters": self.n_parameters,
            "dimension": self.dimension,
            "growth": list(self.growth),
            "closed": self.closed,
            "n_laws": self.n_laws,
            "n_symmetries": self.n_symmetries,
            "n_found": len(self.laws),
            "complete": self.complete,
            "searched": list(self.search.tried),
            "skipped": list(self.search.skipped),
            "max_degree": self.max_degree,
            "evidence": self.evidence,
            "stopped": self.stopped,
            "hypotheses": list(self.hypotheses),
            "warnings": list(self.warnings),
            "groups": [
                {"text": g.text, "scope": g.scope, "symmetry": g.symmetry, "count": len(g.laws)} for g in self.groups
            ],
            "laws": [
                {"name": law.name, "degree": law.degree, "support": list(law.support), "expr": str(law.expr)}
                for law in self.laws[: len(self.laws) * (self.dimension <= _MOST_LISTED)]
            ],
        }

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """The report as JSON; also written to `path` if one is given."""
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False, default=str)
        if path is not None:
            try:
                Path(path).write_text(text + "\n", encoding="utf-8")
            except OSError as error:
                raise LieLawsError(f"path = '{path}': the report cannot be written ({error.strerror})") from error
        return text

    def latex(self) -> str:
        """The groups of laws as an itemized LaTeX list."""
        from lielaws.report.latex import report_latex

        return report_latex(self)

    def __str__(self) -> str:
        from lielaws.report.text import report_text

        return report_text(self)

    def _repr_html_(self) -> str:
        from lielaws.report.text import report_html

        return report_html(self)


def read_laws(text: str, space: StateSpace, where: str = "laws") -> list[LawText]:
    """Laws as text over the parameters, velocities and time of a state space."""
    from lielaws.spec import parse_laws

    moving, timed = bool(space.velocities), space.clock is not None
    return parse_laws(text, space.parameters, velocities=moving, time=timed, where=where)
