"""I(Z; Y | X): exactly 0 for a deterministic representation, an estimate otherwise."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from lielaws.errors import InvalidArgumentError, UnsupportedError
from lielaws.information import discrete, gaussian
from lielaws.information.estimate import bias_exponent, mutual_information
from lielaws.information.estimated_information import MutualInformation
from lielaws.information.neighbours import Metric, class_terms, conditional_terms
from lielaws.information.question import Question
from lielaws.information.refusals import contradiction, growing, refusal
from lielaws.information.resampling import Estimator, spread
from lielaws.information.samples import Sample, check_pair

_METHODS = ("auto", "ksg", "mixed", "gaussian", "discrete")
_DIFFERENCE = "the difference of two estimates, I(Y; X, Z) - I(Y; X), each with its own bias"


def conditional_information(
    z: Any,
    y: Any,
    x: Any,
    *,
    deterministic: bool | None = None,
    noise: float | None = None,
    method: str = "auto",
    resamples: int = 200,
    confidence: float = 0.95,
    seed: int = 0,
) -> MutualInformation:
    """I(Z; Y | X) in nats: what Z says about Y that X does not.

    Parameters
    ----------
    z, y, x : arrays of n samples along the first axis
    deterministic : True if Z is a function of X, as the representation of a network is: then it is exactly 0, as
        H(Z | X) = 0, whatever Y is. The same with independent noise added to Z, as noise says nothing about Y
    noise : as in `mutual_information`; 0 is the same as deterministic=True
    method : "discrete", "gaussian", "ksg" (Frenzel and Pompe, 2007), "mixed" (Y discrete, X and Z continuous), "auto"

    Raises InvalidArgumentError as `mutual_information`, and UnsupportedError for X discrete beside continuous ones.
    """
    question = Question.of("I(Z; Y | X)", _METHODS, method, noise, deterministic, resamples, confidence, seed)
    parts = tuple(Sample.of(name, values) for name, values in (("z", z), ("y", y), ("x", x)))
    check_pair(*parts)
    outputs, targets, inputs = parts
    if question.deterministic and (text := contradiction(inputs, outputs)):
        raise InvalidArgumentError("deterministic", True, text)
    if question.deterministic or outputs.constant or targets.constant:
        return question.known(0.0, inputs.count)
    if inputs.constant:
        plain = mutual_information(
            y, z, method=method, noise=noise, resamples=resamples, confidence=confidence, seed=seed
        )
        return replace(plain, quantity=question.quantity)
    rng = question.generator()
    if question.noise:
        outputs = outputs.noisy(question.noise, rng)
    chosen = _chosen(question.method, outputs, targets, inputs)
    joint = _joined(outputs, inputs)
    if reason := refusal("ksg" if chosen == "mixed" else chosen, joint, targets):
        return question.refuse(chosen, reason, inputs.count)
    estimator, exponent = _estimator(chosen, outputs, targets, inputs)
    share = gaussian.SHARE if chosen == "gaussian" else 0.5
    found = spread(estimator, inputs.count, question.resamples, rng, share=share)
    if chosen == "ksg" and (reason := growing(inputs.count, found)):
        return question.refuse(chosen, reason, inputs.count)
    warnings = (_DIFFERENCE,) if chosen == "mixed" else ()
    return question.estimated(chosen, found, exponent, inputs.count, warnings)


def _joined(z: Sample, x: Sample) -> Sample:
    return Sample("x", np.concatenate([x.rows, z.rows], axis=1), x.categorical and z.categorical)


def _chosen(method: str, z: Sample, y: Sample, x: Sample) -> str:
    kinds = tuple(sample.discrete for sample in (z, y, x))
    if method == "auto":
        if all(kinds):
            return "discrete"
        method = "mixed" if kinds[1] else "ksg"
    needed = {"ksg": (False, False, False), "mixed": (False, True, False)}.get(method)
    if needed and kinds != needed:
        text = ", ".join(
            f"{sample.argument} {'discrete' if kind else 'continuous'}"
            for sample, kind in zip((z, y, x), kinds, strict=True)
        )
        remedy = f"{text}: estimates exist for all discrete, all continuous, and y discrete beside continuous x and z"
        raise UnsupportedError("method", method, remedy)
    if method == "gaussian" and any(sample.categorical for sample in (z, y, x)):
        raise InvalidArgumentError("method", method, "names have no covariance; use 'auto'")
    return method


def _estimator(method: str, z: Sample, y: Sample, x: Sample) -> tuple[Estimator, float]:
    if method == "discrete":
        return lambda chosen: discrete.conditional(z.codes[chosen], y.codes[chosen], x.codes[chosen]), 1.0
    if method == "gaussian":
        a, b, c = (sample.standardized for sample in (z, y, x))
        return lambda chosen: gaussian.conditional(a[chosen], b[chosen], c[chosen]), math.inf
    if method == "mixed":
        both = Metric(np.concatenate([x.standardized, z.standardized], axis=1))
        inner = Metric(x.standardized)

        def difference(chosen: Any) -> float:
            whole = class_terms(y.codes, both, chosen).mean()
            return float(whole - class_terms(y.codes, inner, chosen).mean())

        return difference, bias_exponent(x.width + z.width)
    first, second, third = (Metric(sample.standardized) for sample in (z, y, x))
    return (
        lambda chosen: float(conditional_terms(first, second, third, chosen).mean()),
        bias_exponent(z.width + y.width + x.width),
    )
