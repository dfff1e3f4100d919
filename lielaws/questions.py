"""What is asked about which network: architectures from whatever users have, and the settings of a question."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lielaws.architectures.base import Architecture
from lielaws.checks import choice, integer
from lielaws.engine.flows.gradient import GradientFlow
from lielaws.errors import InvalidArgumentError
from lielaws.torch.importing import from_torch

LOSSES = ("any", "cross_entropy")
GATES = ("free", "realizable")


def as_architecture(arch: Any, inputs: Any = None) -> Architecture:
    """An architecture from a spec string, the path of a spec file, a mapping, (symbols, expressions), or a PyTorch
    module with an example of its inputs."""
    if "torch" in sys.modules and isinstance(arch, sys.modules["torch"].nn.Module):
        if inputs is None:
            raise InvalidArgumentError("inputs", None, "a module needs an example, as in inputs=torch.zeros(1, 784)")
        return from_torch(arch, inputs)
    if inputs is not None:
        raise InvalidArgumentError("inputs", type(inputs).__name__, "only a PyTorch module needs an example")
    if isinstance(arch, Architecture):
        return arch
    if isinstance(arch, tuple) and len(arch) == 2:
        from lielaws.architectures.phi import from_phi

        return from_phi(*arch)
    if isinstance(arch, str | os.PathLike | Mapping):
        from lielaws.spec import load_architecture

        return load_architecture(arch)
    needed = "a spec such as 'relu:3-4-3', the path of a spec file, an Architecture or (symbols, expressions) is needed"
    raise InvalidArgumentError("arch", arch, needed)


def as_question(arch: Any, settings: Settings, inputs: Any = None) -> tuple[Architecture, Settings]:
    """The architecture, and the settings with what a spec file says of flow, loss and gates where nothing else was
    chosen."""
    if inputs is not None or not isinstance(arch, str | os.PathLike | Mapping):
        return as_architecture(arch, inputs), settings
    from lielaws.spec import load_question

    architecture, found = load_question(arch)
    default = Settings()
    chosen = {key: value for key, value in found.items() if getattr(settings, key) == getattr(default, key)}
    return architecture, replace(settings, **chosen)


@dataclass(frozen=True)
class Settings:
    """What the data, the loss and the flow range over; checked. See :func:`discover_laws`."""

    flow: Any = None
    loss: str = "any"
    gates: str = "free"
    parameters: Any = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.flow is None:
            object.__setattr__(self, "flow", GradientFlow())
        if isinstance(self.flow, str | Mapping):
            from lielaws.spec import read_flow

            object.__setattr__(self, "flow", read_flow(self.flow))
        if isinstance(self.flow, type) or not hasattr(self.flow, "dynamics"):
            raise InvalidArgumentError("flow", self.flow, "a flow such as GradientFlow() is needed")
        choice("loss", self.loss, LOSSES)
        choice("gates", self.gates, GATES)
        integer("seed", self.seed, 0, needed="a nonnegative integer is needed")
