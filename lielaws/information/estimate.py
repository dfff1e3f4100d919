"""The estimate of mutual information that users call."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from lielaws.errors import InvalidArgumentError
from lielaws.information import discrete, gaussian
from lielaws.information.cautions import unseen_warning, warnings_for
from lielaws.information.channel import LARGEST_RATIO, MOST_SAMPLES, Channel
from lielaws.information.estimated_information import MutualInformation
from lielaws.information.neighbours import Metric, class_terms, ksg_terms, tied_terms
from lielaws.information.question import Question
from lielaws.information.refusals import INFINITE, contradiction, few, refusal, unresolved
from lielaws.information.resampling import Estimator, spread
from lielaws.information.samples import Sample, by_class, check_pair

METHODS = ("auto", "ksg", "mixed", "gaussian", "discrete", "channel")

_CHANNEL_EXPONENT = 0.5
_LEAST_EXPONENT = 0.05


def mutual_information(
    x: Any,
    z: Any,
    *,
    method: str = "auto",
    noise: float | None = None,
    deterministic: bool | None = None,
    resamples: int = 200,
    confidence: float = 0.95,
    seed: int = 0,
) -> MutualInformation:
    """I(X; Z) in nats from independent samples, with a confidence interval; or the reason why no number is given.

    Parameters
    ----------
    x, z : arrays of n samples along the first axis, the same n; further axes are the coordinates of one sample. Names
        and truth values are discrete, and so are numbers if each distinct one occurs five times or more on average
    method : "ksg", nearest neighbours for continuous variables; "mixed", the same where values are repeated or one
        variable is discrete; "gaussian", exact for jointly Gaussian variables and wrong for others; "discrete",
        frequencies with the correction of Miller and Madow; "channel", for a function Z of X with noise added; "auto"
        takes "discrete" if both are, "channel" if Z is said to be deterministic and has noise, else "ksg" or "mixed"
    noise : standard deviation of Gaussian noise that is added to each coordinate of Z, in its units; what is estimated
        is then I(X; Z + N). 0 says that there is none anywhere: the same as deterministic=True
    deterministic : True if Z is a function of X; I(X; Z) = H(Z) is then infinite unless Z is discrete. It cannot be
        decided from samples; by default only what looks like a function is refused
    resamples : subsamples for the interval, at least 20
    confidence : of the interval

    Raises InvalidArgumentError for empty input, less than two samples, NaN, different numbers of samples, unknown
    methods; and if `deterministic` contradicts the samples. A constant variable has exactly 0.
    """
    question = Question.of("I(X; Z)", METHODS, method, noise, deterministic, resamples, confidence, seed)
    inputs, outputs = Sample.of("x", x), Sample.of("z", z)
    check_pair(inputs, outputs)
    if question.deterministic and (text := contradiction(inputs, outputs)):
        raise InvalidArgumentError("deterministic", True, text)
    if inputs.constant or outputs.constant:
        return question.known(0.0, inputs.count)
    if question.deterministic and not question.noise and not outputs.discrete:
        return question.refuse(question.method, INFINITE, inputs.count)
    if question.deterministic and not question.noise and question.method in {"auto", "discrete"}:
        return _entropy(question, outputs)
    chosen = _chosen(question, inputs, outputs)
    _check_names(chosen, bool(question.noise), inputs, outputs)
    rng = question.generator()
    if chosen == "channel":
        return _channel(question, outputs, rng)
    if question.noise:
        outputs = outputs.noisy(question.noise, rng)
    if reason := refusal(chosen, inputs, outputs):
        return question.refuse(chosen, reason, inputs.count)
    estimator, exponent = _estimator(chosen, inputs, outputs)
    share = gaussian.SHARE if chosen == "gaussian" else 0.5
    found = spread(estimator, inputs.count, question.resamples, rng, share=share)
    if reason := unresolved(chosen, inputs, outputs, found):
        return question.refuse(chosen, reason, inputs.count)
    warnings = warnings_for(chosen, inputs, outputs, found)
    if question.noise and deterministic is None:
        warnings += ("if Z is a function of X, deterministic=True leads to 'channel', which is far more accurate",)
    # I(X; Z) <= H(X) <= log of the number of values, of each discrete one.
    ceiling = min((math.log(sample.distinct) for sample in (inputs, outputs) if sample.discrete), default=math.inf)
    return question.estimated(chosen, found, exponent, inputs.count, warnings, ceiling=ceiling)


def _chosen(question: Question, x: Sample, z: Sample) -> str:
    if question.method != "auto":
        return question.method
    if question.noise and question.deterministic:
        return "channel"
    if question.noise:
        return "ksg" if x.continuous else "mixed"
    if x.discrete and z.discrete:
        return "discrete"
    return "ksg" if x.continuous and z.continuous else "mixed"


def _check_names(method: str, noisy: bool, x: Sample, z: Sample) -> None:
    if noisy and z.categorical:
        raise InvalidArgumentError("noise", True, "z holds names, to which no noise can be added")
    wrong = [sample for sample in (x, z) if sample.categorical and method in {"ksg", "gaussian"}]
    if wrong or (method == "mixed" and x.categorical and z.categorical):
        name = wrong[0].argument if wrong else "z"
        raise InvalidArgumentError("method", method, f"{name} holds names, which have no distances; use 'auto'")


def _estimator(method: str, x: Sample, z: Sample) -> tuple[Estimator, float]:
    """The estimate on some of the samples, and the exponent a of its bias n^-a."""
    if method == "gaussian":
        a, b = x.standardized, z.standardized
        return lambda chosen: gaussian.information(a[chosen], b[chosen]), math.inf
    if method == "discrete":
        return lambda chosen: discrete.information(x.codes[chosen], z.codes[chosen]), 1.0
    if method == "mixed" and (x.discrete or z.discrete):
        names, other = by_class(x, z)
        metric = Metric(other.standardized)
        return lambda chosen: float(class_terms(names.codes, metric, chosen).mean()), bias_exponent(other.width)
    terms = ksg_terms if method == "ksg" else tied_terms
    left, right = Metric(x.standardized), Metric(z.standardized)
    return lambda chosen: float(terms(left, right, chosen).mean()), bias_exponent(x.width + z.width)


def bias_exponent(coordinates: int) -> float:
    """Of nearest neighbours. Chosen so that intervals cover the truth at their rate on Gaussians: 1 in up to two
    coordinates, 2 / d in up to four, less beyond, where the bias hardly falls with n; see the tests."""
    return max(min(1.0, 2 / coordinates) * min(1.0, 4 / coordinates), _LEAST_EXPONENT)


def _entropy(question: Question, z: Sample) -> MutualInformation:
    """Of a discrete function of X: I(X; Z) = H(Z), whatever X is."""
    found = spread(lambda chosen: discrete.entropy(z.codes[chosen]), z.count, question.resamples, question.generator())
    asked = replace(question, quantity="I(X; Z) = H(Z)")
    ceiling = math.log(z.distinct)
    return asked.estimated("discrete", found, 1.0, z.count, unseen_warning(z.codes), ceiling=ceiling)


def _channel(question: Question, z: Sample, rng: np.random.Generator) -> MutualInformation:
    assert question.noise
    if z.count > MOST_SAMPLES:
        text = f"{z.count} samples"
        raise InvalidArgumentError("z", text, f"'channel' compares all pairs; give at most {MOST_SAMPLES} of them")
    if np.abs(z.rows).max() > LARGEST_RATIO * question.noise:
        raise InvalidArgumentError("noise", question.noise, "it is too small beside z for float64")
    if reason := few(z.count):
        return question.refuse("channel", reason, z.count)
    found = spread(Channel(z.rows, question.noise, rng).information, z.count, question.resamples, rng)
    limit, most = math.log(z.count), gaussian.most_capacity(z.rows, question.noise, question.confidence)
    # Beyond half of log n most samples are told apart one by one, and the estimate says how many there are.
    if found.value <= limit / 2:
        return question.estimated("channel", found, _CHANNEL_EXPONENT, z.count, ())
    warning = (
        f"near log n = {limit:.3g}, the most that n samples can show: read it as a lower bound. The upper end of the "
        "interval is what Gaussian Z of the same covariance would have"
    )
    return question.estimated("channel", found, _CHANNEL_EXPONENT, z.count, (warning,), most)
