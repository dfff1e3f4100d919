"""The settings of SGD as PyTorch has it, by tensor, and the factors of one step that follow from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.arraytypes import BoolArray, FloatArray
from lielaws.checks import choice, finite, flag, nonnegative
from lielaws.errors import InvalidArgumentError, nearest
from lielaws.training.forms import LawForms
from lielaws.training.recursion import Rule

# Each setting may also be given by tensor, which the plain validators do not say.
_NUMBER = "a number is needed, or a mapping of tensor names to numbers"
_finite = partial(finite, needed=_NUMBER)
_nonnegative = partial(nonnegative, needed=_NUMBER, bound="a number of at least 0 is needed")
_flag = partial(flag, needed="True or False is needed, or a mapping of tensor names to them")


@dataclass(frozen=True)
class Tensors:
    """The tensors that the laws involve, and which of them a law joins.

    frozen : names of those that are not trained
    """

    forms: LawForms
    frozen: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for support, number in self._joined.items():
            still = [self.names[k] for k in support if self.names[k] in self.frozen]
            if still and len(still) < len(support):
                remedy = (
                    f"the law {self.forms.laws[number]} joins {_listed(still)} with trained tensors, and is no law of "
                    "this run; leave it out, or discover the laws of freeze(architecture, names)"
                )
                raise InvalidArgumentError("frozen", sorted(self.frozen), remedy)

    @property
    def names(self) -> tuple[str, ...]:
        return self.forms.layout.names

    @cached_property
    def is_frozen(self) -> BoolArray:
        return np.array([name in self.frozen for name in self.names], dtype=bool)

    @cached_property
    def of_law(self) -> npt.NDArray[np.int64]:
        """One tensor of each law, which stands for all of them."""
        return np.array([support[0] for support in self.forms.supports], dtype=np.int64)

    @cached_property
    def _joined(self) -> dict[tuple[int, ...], int]:
        """Each set of tensors that some law joins, with the first such law."""
        joined: dict[tuple[int, ...], int] = {}
        for number, support in enumerate(self.forms.supports):
            joined.setdefault(support, number)
        return joined

    def spread(self, argument: str, value: Any, read: Callable[[str, Any], float]) -> FloatArray:
        """One number for each tensor, from one for all or a mapping by name.

        Raises InvalidArgumentError for a tensor without a number, and where a law joins tensors with different ones.
        """
        if not isinstance(value, Mapping):
            return np.full(len(self.names), read(argument, value))
        result = np.zeros(len(self.names))
        for k, name in enumerate(self.names):
            if name in value:
                result[k] = read(f"{argument}['{name}']", value[name])
            elif name not in self.frozen:
                known = [str(key) for key in value]
                hint = f" ({name}: {nearest(name, known)})" if known else ""
                raise InvalidArgumentError(argument, known, f"the value for tensor '{name}' is missing{hint}")
        for support, number in self._joined.items():
            if np.ptp(result[list(support)]) > 0:
                differing = ", ".join(f"{self.names[k]}: {result[k]:g}" for k in support)
                remedy = (
                    f"the law {self.forms.laws[number]} joins these tensors and holds in no balance when they differ; "
                    "leave this law out, or give its tensors the same value"
                )
                raise InvalidArgumentError(argument, "{" + differing + "}", remedy)
        return result


@dataclass(frozen=True, slots=True)
class Optimizer:
    """SGD as in torch.optim.SGD, with decoupled decay as in AdamW on request. Each setting has shape (tensors,).

    lr : None if it is given with each step
    """

    tensors: Tensors
    lr: FloatArray | None
    momentum: FloatArray
    dampening: FloatArray
    nesterov: BoolArray
    weight_decay: FloatArray
    decoupled_decay: FloatArray

    @classmethod
    def of(
        cls,
        tensors: Tensors,
        lr: Any,
        momentum: Any,
        dampening: Any,
        nesterov: Any,
        weight_decay: Any,
        decoupled_decay: Any,
    ) -> Optimizer:
        made = cls(
            tensors,
            None if lr is None else tensors.spread("lr", lr, _nonnegative),
            tensors.spread("momentum", momentum, _nonnegative),
            tensors.spread("dampening", dampening, _finite),
            tensors.spread("nesterov", nesterov, _flag).astype(bool),
            tensors.spread("weight_decay", weight_decay, _nonnegative),
            tensors.spread("decoupled_decay", decoupled_decay, _nonnegative),
        )
        if np.any(made.nesterov & ((made.momentum <= 0) | (made.dampening != 0)) & ~tensors.is_frozen):
            remedy = "Nesterov momentum needs a momentum above 0 and no dampening, as in torch.optim.SGD"
            raise InvalidArgumentError("nesterov", nesterov, remedy)
        return made

    def rule(self, started: BoolArray, scale: Any, lr: Any, momentum: Any, weight_decay: Any, decay: Any) -> Rule:
        """The factors of one step, by tensor. What is None is as at the start.

        started : (tensors,), whether the momentum buffer exists: its first value is the gradient, without dampening
        """
        spread = self.tensors.spread
        rate = self.lr if lr is None else spread("lr", lr, _nonnegative)
        if rate is None:
            raise InvalidArgumentError("lr", None, "a learning rate is needed, here or where the balance is made")
        mu = self.momentum if momentum is None else spread("momentum", momentum, _nonnegative)
        coupled = self.weight_decay if weight_decay is None else spread("weight_decay", weight_decay, _nonnegative)
        decoupled = self.decoupled_decay if decay is None else spread("decoupled_decay", decay, _nonnegative)
        factor = spread("scale", scale, _finite)
        rate = np.where(self.tensors.is_frozen, 0.0, rate)
        # Without momentum the buffer is neither used nor touched, whatever the dampening.
        uses = mu != 0
        both = self.nesterov & uses
        return Rule(
            lr=rate,
            scale=factor,
            decay=coupled,
            keep=np.where(uses, np.where(started, mu, 0.0), 1.0),
            enter=np.where(uses, np.where(started, 1 - self.dampening, 1.0), 0.0),
            direct=np.where(uses & ~both, 0.0, 1.0),
            through=np.where(uses, np.where(both, mu, 1.0), 0.0),
            decoupled=decoupled,
        )

    def with_rate(self, rule: Rule, lr: Any) -> Rule:
        """The same step with another learning rate."""
        rate = self.tensors.spread("lr", lr, _nonnegative)
        return replace(rule, lr=np.where(self.tensors.is_frozen, 0.0, rate))


def names_of(argument: str, value: Any, known: Iterable[str]) -> frozenset[str]:
    """A set of names, all of them known."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise InvalidArgumentError(argument, value, "a list of names of tensors is needed")
    names = list(value)
    every = set(known)
    for name in names:
        choice(argument, name, every)
    return frozenset(names)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
