"""A modification of a model, and chains of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from lielaws.errors import InvalidArgumentError
from lielaws.modification.model import Model
from lielaws.modification.model_sources import as_model

# What was done, in the words by which the clauses recognize it.
PRUNE = "prune"
PRUNE_UNITS = "prune_units"
QUANTIZE = "quantize"
LOW_RANK = "low_rank"
RESCALE = "rescale"
FINE_TUNE = "fine_tune"
GRADIENT_STEP = "gradient_step"
DISTILL = "distill"


@dataclass(frozen=True, eq=False)
class Modification:
    """One change of a model.

    Attributes
    ----------
    before, after : models with the same names and shapes of parameters
    done : what was done, one word or a phrase: "prune", "quantize", "gradient_step", or your own
    settings : how, as plain values; the clauses read the share of a pruning, the bits of a quantization, the rate of a
        gradient step, ...
    teacher : for a distillation, the model that was imitated; else the model before stands for it

    Raises InvalidArgumentError for models of different shapes.
    """

    before: Model
    after: Model
    done: str = "modification"
    settings: Mapping[str, Any] = field(default_factory=dict)
    teacher: Model | None = None

    def __post_init__(self) -> None:
        for argument in ("before", "after"):
            if not isinstance(getattr(self, argument), Model):
                remedy = "a Model is needed; lielaws.modification.as_model makes one"
                raise InvalidArgumentError(argument, getattr(self, argument), remedy)
        if self.teacher is not None and not isinstance(self.teacher, Model):
            raise InvalidArgumentError("teacher", self.teacher, "a Model is needed")
        if not isinstance(self.done, str) or not self.done.strip():
            raise InvalidArgumentError("done", self.done, "a text that says what was done is needed")
        if not isinstance(self.settings, Mapping) or not all(isinstance(key, str) for key in self.settings):
            raise InvalidArgumentError("settings", self.settings, "a mapping of names to plain values is needed")
        object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))
        _check_shapes(self.before, self.after)

    def __repr__(self) -> str:
        return f"Modification({self.text!r} of {self.before!r})"

    @property
    def text(self) -> str:
        """What was done, in one line."""
        shown = {k: v for k, v in self.settings.items() if isinstance(v, int | float | str) and not k.startswith("_")}
        return self.done + (
            f" ({', '.join(f'{k} {v:.6g}' if isinstance(v, float) else f'{k} {v}' for k, v in shown.items())})"
            if shown
            else ""
        )

    def module(self) -> Any:
        """A copy of the PyTorch module that the model was read from, with the parameters after the modification."""
        from lielaws.modification.pytorch import module_of

        return module_of(self.after)


Change = Callable[[Model], Modification]


@dataclass(frozen=True, eq=False)
class Chain:
    """Modifications one after the other; each starts where the one before ended.

    Raises InvalidArgumentError for an empty chain, and where two neighbours do not fit together.
    """

    modifications: Sequence[Modification]

    def __post_init__(self) -> None:
        given = self.modifications
        if isinstance(given, Modification):
            given = (given,)
        if not isinstance(given, Iterable) or isinstance(given, str | Mapping):
            raise InvalidArgumentError("chain", given, "a sequence of modifications is needed")
        kept = tuple(given)
        if not kept:
            raise InvalidArgumentError("chain", "no modifications", "a chain of length zero certifies nothing; add one")
        for number, entry in enumerate(kept, 1):
            if not isinstance(entry, Modification):
                raise InvalidArgumentError(f"chain[{number}]", entry, "a Modification is needed")
        for number, (one, two) in enumerate(pairwise(kept), 2):
            _check_shapes(one.after, two.before, f"before of modification {number}")
            for name, value in two.before.params.items():
                if value is not one.after.params[name] and (value != one.after.params[name]).any():
                    remedy = f"it must start from the parameters that modification {number - 1} ended with"
                    raise InvalidArgumentError(f"before of modification {number}", f"other values in '{name}'", remedy)
        object.__setattr__(self, "modifications", kept)

    @classmethod
    def build(cls, start: Any, changes: Iterable[Change]) -> Chain:
        """From a model and functions that each modify one: `Chain.build(model, [lambda m: prune(m, 0.1), ...])`."""
        model, done = as_model(start), []
        if not isinstance(changes, Iterable):
            raise InvalidArgumentError("changes", changes, "a sequence of functions Model -> Modification is needed")
        for number, change in enumerate(changes, 1):
            if not callable(change):
                raise InvalidArgumentError(f"changes[{number}]", change, "a function Model -> Modification is needed")
            made = change(model)
            if not isinstance(made, Modification):
                raise InvalidArgumentError(f"changes[{number}]", made, "it must return a Modification")
            done.append(made)
            model = made.after
        return cls(done)

    @classmethod
    def of_params(cls, model: Any, params: Iterable[Mapping[str, Any]], done: Sequence[str] | None = None) -> Chain:
        """From arrays alone: the parameters after each modification, and a text for each."""
        if not isinstance(params, Iterable):
            raise InvalidArgumentError("params", params, "a sequence of mappings of names to arrays is needed")
        start, steps = as_model(model), list(params)
        words = ["modification"] * len(steps) if done is None else list(done)
        if len(words) != len(steps):
            raise InvalidArgumentError("done", words, f"a text for each of {len(steps)} modifications is needed")
        found = []
        for values, word in zip(steps, words, strict=True):
            _check_names(start, values)
            after = start.with_params(values)
            found.append(Modification(start, after, word))
            start = after
        return cls(found)

    def then(self, change: Change | Modification) -> Chain:
        """The chain with one more modification at its end."""
        if not isinstance(change, Modification) and not callable(change):
            raise InvalidArgumentError(
                "change", change, "a Modification, or a function Model -> Modification, is needed"
            )
        made = change if isinstance(change, Modification) else change(self.end)
        return Chain((*self.modifications, made))

    @property
    def start(self) -> Model:
        return self.modifications[0].before

    @property
    def end(self) -> Model:
        return self.modifications[-1].after

    @property
    def models(self) -> tuple[Model, ...]:
        """All models, the first included: one more than modifications."""
        return (self.start, *(entry.after for entry in self.modifications))

    def __repr__(self) -> str:
        return f"Chain({len(self)} modifications of {self.start!r})"

    def __len__(self) -> int:
        return len(self.modifications)

    def __iter__(self) -> Iterator[Modification]:
        return iter(self.modifications)

    def __getitem__(self, index: int) -> Modification:
        return self.modifications[index]


def _check_names(model: Model, params: Any) -> None:
    if not isinstance(params, Mapping):
        raise InvalidArgumentError("params", params, "a mapping of names to arrays is needed for each modification")
    for name, shape in model.shapes.items():
        if name not in params:
            raise InvalidArgumentError("params", list(params), f"the array '{name}' of shape {shape} is missing")


def _check_shapes(before: Model, after: Model, argument: str = "after") -> None:
    if before.shapes != after.shapes:
        wrong = next(
            name for name in {**before.shapes, **after.shapes} if before.shapes.get(name) != after.shapes.get(name)
        )
        text = f"'{wrong}' of shape {after.shapes.get(wrong)}"
        remedy = (
            f"the models have different shapes: {before.shapes.get(wrong)} is needed; set what is taken out to zero"
        )
        raise InvalidArgumentError(argument, text, remedy)
