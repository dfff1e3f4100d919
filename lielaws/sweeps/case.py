"""One case of a sweep: an architecture and the settings under which its laws are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lielaws.errors import LieLawsError
from lielaws.sweeps.canonical import defaults_of, find_family, identity_of, key_of

if TYPE_CHECKING:
    from lielaws.architectures.base import Architecture
    from lielaws.spec.families import Family

COMPUTE = ("count", "laws", "certificates")


@dataclass(frozen=True)
class Case:
    """
    spec : mapping of plain values that `lielaws.discover_laws` takes
    flow : as a text or a table of plain values; `flow_identity` is the same for all ways to write it
    loss, gates, parameters, max_degree, seed : as for :func:`lielaws.discover_laws`
    find_laws : False to count only
    certificate : whether the certificate is kept
    variables : numbers and texts from which the sweep made the spec
    problem : why there is no such architecture, where that is known already; the spec then holds the template
    """

    spec: Mapping[str, Any]
    flow: str | Mapping[str, Any] = "gradient"
    flow_identity: Mapping[str, Any] = field(default_factory=lambda: {"kind": "gradient"})
    loss: str = "any"
    gates: str = "free"
    parameters: tuple[str, ...] | None = None
    max_degree: int = 2
    seed: int = 0
    find_laws: bool = True
    certificate: bool = False
    variables: Mapping[str, Any] = field(default_factory=dict)
    problem: str | None = None

    @cached_property
    def key(self) -> str:
        """The same for the same question, however it is written; whether a certificate is kept is no part of it."""
        identity = {
            "spec": identity_of(self.spec),
            "flow": dict(self.flow_identity),
            "loss": self.loss,
            "gates": self.gates,
            "parameters": None if self.parameters is None else sorted(self.parameters),
            "seed": self.seed,
            "laws": self.max_degree if self.find_laws else None,
        }
        return key_of(identity)

    @property
    def family(self) -> str:
        return str(self.spec.get("family", ""))

    @cached_property
    def sizes(self) -> dict[str, Any]:
        """The integers that describe the architecture, by name: its sizes, integer options, and the variables.

        Options that are left out have their defaults. Lists of sizes, such as widths, are one entry.
        """
        found = {name: value for name, value in self.variables.items() if _is_integer(value)}
        family = find_family(self.family)
        if family is None or self.problem is not None:
            return found
        sizes = {name: self._size(family, name, kind) for name, kind in family.keywords.items()}
        return found | {name: size for name, size in sizes.items() if size is not None}

    def _size(self, family: Family, name: str, kind: str) -> Any:
        value = self.spec.get(name, defaults_of(family.constructor).get(name))
        if kind == "int" and _is_integer(value):
            return value
        is_list = kind == "ints" and name == family.sizes_argument and isinstance(value, list | tuple)
        return list(value) if is_list and all(map(_is_integer, value)) else None

    @cached_property
    def options(self) -> dict[str, Any]:
        """What else the spec says, beside family and sizes, and the variables that are no integers."""
        spec = {} if self.problem is not None else self.spec
        rest = {name: value for name, value in spec.items() if name != "family" and name not in self.sizes}
        return rest | {name: value for name, value in self.variables.items() if not _is_integer(value)}

    @property
    def names(self) -> dict[str, Any]:
        """What conditions can be about, except for the number of parameters."""
        settings = {"loss": self.loss, "gates": self.gates, "max_degree": self.max_degree, "seed": self.seed}
        return {"family": self.family, "flow": self.flow, **settings, **self.options, **self.sizes}

    def architecture(self) -> Architecture | None:
        """The architecture, or None if it does not exist."""
        from lielaws.spec import load_architecture

        try:
            return None if self.problem is not None else load_architecture(self.spec)
        except LieLawsError:
            return None

    @property
    def name(self) -> str:
        """What the architecture is called, whether it exists or not."""
        made = self.architecture()
        told = (f"{name}={value}" for name, value in self.spec.items() if name not in {"family", "template"})
        return made.name if made is not None else f"{self.family}({', '.join(told)})"

    @property
    def title(self) -> str:
        """The case in one line."""
        flow = self.flow if isinstance(self.flow, str) else self.flow_identity["kind"]
        told: dict[str, tuple[Any, Any]] = {"flow": (flow, "gradient"), "loss": (self.loss, "any")}
        told |= {"gates": (self.gates, "free"), "parameters": (self.parameters, None)}
        told |= {"seed": (self.seed, 0), "max_degree": (self.max_degree, 2)}
        return " ".join([self.name, *(f"{key}={value}" for key, (value, usual) in told.items() if value != usual)])

    def question(self) -> dict[str, Any]:
        """The case as plain values for whoever computes it."""
        return {
            "key": self.key,
            "spec": dict(self.spec),
            "flow": self.flow if isinstance(self.flow, str) else dict(self.flow),
            "loss": self.loss,
            "gates": self.gates,
            "parameters": None if self.parameters is None else list(self.parameters),
            "max_degree": self.max_degree,
            "seed": self.seed,
            "find_laws": self.find_laws,
            "certificate": self.certificate,
        }


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
