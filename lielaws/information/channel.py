"""I(Z; Z + N) for Gaussian noise N: what a deterministic representation says of its input, once noise makes it finite.

If Z is a function of X, then X - Z - (Z + N) is a Markov chain and I(X; Z + N) = I(Z; Z + N) = h(Z + N) - h(N), where X
no longer enters. The distribution of Z is replaced by that of the samples, and the entropy of the resulting mixture of
Gaussians is averaged at one draw for each sample: Goldfeld et al., Estimating information flow in deep neural networks,
ICML 2019. Entropy is concave, so the mean of the estimate is at most the truth, and it never exceeds log(n).
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from lielaws.arraytypes import FloatArray, IntArray

MOST_SAMPLES = 3000
LARGEST_RATIO = 1e100


class Channel:
    """The log densities of each noisy sample under the noise about each sample, (n, n)."""

    def __init__(self, rows: FloatArray, noise: float, rng: np.random.Generator) -> None:
        squares = np.zeros((len(rows), len(rows)))
        for column in rows.T / noise:
            # The difference first: |y|^2 - 2 <y, z> + |z|^2 would lose all digits where noise is small.
            squares += (column[:, None] - column + rng.normal(size=(len(rows), 1))) ** 2
        self._logs = -squares / 2

    def information(self, chosen: IntArray) -> float:
        logs = self._logs[np.ix_(chosen, chosen)]
        return float(np.mean(np.diag(logs) - logsumexp(logs, axis=1)) + np.log(len(chosen)))
