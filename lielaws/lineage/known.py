"""What the caller says about a run of gradient steps, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lielaws.arraytypes import FloatArray
from lielaws.checks import flag, nonnegative, positive, positive_int
from lielaws.errors import InvalidArgumentError, UnsupportedError
from lielaws.lineage.followed import Followed
from lielaws.lineage.response import Settings
from lielaws.training.balance_records import RunBalance


@dataclass(frozen=True, slots=True)
class Known:
    """What the caller says about the run; see `lineage`. Only one of the last five is not None."""

    settings: Settings
    unknown_decay: bool
    run: RunBalance | None
    gradient_bound: float | None
    gradients: tuple[FloatArray, ...] | None
    loss_drop: float | None
    path: float | None

    @classmethod
    def of(
        cls,
        followed: Followed,
        *,
        steps: Any,
        lr: Any,
        momentum: Any,
        nesterov: Any,
        weight_decay: Any,
        decoupled_decay: Any,
        run: Any,
        gradient_bound: Any,
        gradients: Any,
        loss_drop: Any,
        path: Any,
    ) -> Known:
        sources = {
            "run": run,
            "gradient_bound": gradient_bound,
            "gradients": gradients,
            "loss_drop": loss_drop,
            "path": path,
        }
        given = [name for name, value in sources.items() if value is not None]
        if len(given) > 1:
            raise InvalidArgumentError(
                given[1], sources[given[1]], f"'{given[0]}' is given too; only one bounds the run"
            )
        if run is not None and not isinstance(run, RunBalance):
            raise InvalidArgumentError("run", run, "a RunBalance is needed, what LawBalance.finish returns")
        unknown = weight_decay is None
        settings = _settings(steps, lr, momentum, nesterov, 0.0 if unknown else weight_decay, decoupled_decay)
        if lr is None and given and given[0] in {"gradient_bound", "gradients", "loss_drop"}:
            raise InvalidArgumentError("lr", lr, f"steps and lr are needed beside '{given[0]}'")
        if unknown and given:
            raise InvalidArgumentError("weight_decay", None, f"it has to be known beside '{given[0]}'")
        known = cls(
            settings=settings,
            unknown_decay=unknown,
            run=run,
            gradient_bound=None if gradient_bound is None else nonnegative("gradient_bound", gradient_bound),
            gradients=None if gradients is None else _gradients(followed, gradients),
            loss_drop=None if loss_drop is None else nonnegative("loss_drop", loss_drop),
            path=None if path is None else nonnegative("path", path),
        )
        known.check()
        return known

    @property
    def unbounded(self) -> bool:
        """Whether nothing says how far the run can have gone."""
        return all(part is None for part in (self.run, self.gradient_bound, self.gradients, self.loss_drop, self.path))

    def check(self) -> None:
        settings = self.settings
        decays = settings.decay != 0 or settings.decoupled != 0
        if self.path is not None and decays:
            remedy = "the path of a run with weight decay is not that of its gradients; give gradient_bound"
            raise UnsupportedError("path", self.path, remedy)
        if self.loss_drop is not None and (decays or settings.momentum != 0):
            remedy = "the descent lemma is for plain gradient descent, without momentum and decay; give gradient_bound"
            raise UnsupportedError("loss_drop", self.loss_drop, remedy)


def _settings(steps: Any, lr: Any, momentum: Any, nesterov: Any, decay: Any, decoupled: Any) -> Settings:
    """Of an unknown run: one step of length zero, which leaves the laws where they are."""
    mu = nonnegative("momentum", momentum)
    if mu >= 1:
        raise InvalidArgumentError("momentum", momentum, "a number of at least 0 and below 1 is needed")
    lam, own = nonnegative("weight_decay", decay), nonnegative("decoupled_decay", decoupled)
    both = flag("nesterov", nesterov)
    if (steps is None) != (lr is None):
        missing = "steps" if steps is None else "lr"
        raise InvalidArgumentError(missing, None, "steps and lr describe the run together; give both or none")
    if steps is None:
        if lam or own:
            raise InvalidArgumentError(
                "steps", None, "weight decay shrinks laws by a power of the steps; give steps and lr"
            )
        return Settings(1, 0.0, mu, both)
    rate = positive("lr", lr)
    if rate * own >= 1 or rate * lam >= 1:
        raise InvalidArgumentError("lr", lr, "lr times the decay has to be below 1")
    return Settings(positive_int("steps", steps), rate, mu, both, lam, own)


def _gradients(followed: Followed, gradients: Any) -> tuple[FloatArray, ...]:
    entries = [gradients] if isinstance(gradients, Mapping) else gradients
    if isinstance(entries, str) or not isinstance(entries, Sequence) or not entries:
        raise InvalidArgumentError(
            "gradients", gradients, "a nonempty sequence of mappings of names to arrays is needed"
        )
    return tuple(followed.read(f"gradients[{k}]", entry)[0] for k, entry in enumerate(entries))
