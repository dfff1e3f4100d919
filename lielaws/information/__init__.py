"""Mutual information from samples, in nats, with its uncertainty, and without a number where there is none.

>>> import numpy as np
>>> from lielaws.information import mutual_information
>>> rng = np.random.default_rng(0)
>>> x = rng.normal(size=500)
>>> z = 0.6 * x + 0.8 * rng.normal(size=500)          # I(X; Z) = -log(1 - 0.6^2) / 2 = 0.223
>>> estimate = mutual_information(x, z)
>>> estimate.low < 0.223 < estimate.high
True
>>> mutual_information(x, np.tanh(x)).refused is None  # a function of a continuous X: infinite
False

What an estimate can and cannot do
----------------------------------
* No number is given where it is infinite: `value` is then nan and `refused` says why. A representation Z = f(X) of a
  network without noise is the standard case (Saxe et al., ICLR 2018; Amjad and Geiger, 2020). Say `deterministic=True`:
  from samples alone it can only be suspected. `noise=sigma` asks for I(X; Z + N) instead, N Gaussian of standard
  deviation sigma in the units of Z, which is finite, depends on sigma, and is what the result then says it is.
* n samples resolve no more than about log(n) nats (McAllester and Stratos, AISTATS 2020), and nearest neighbours far
  less in high dimension, where they are biased towards zero (Gao, Ver Steeg and Galstyan, AISTATS 2015). The interval
  is widened by the bias that the growth of the estimate with n shows, and a warning says so.
* Intervals are those of a delete-d jackknife (subsamples without replacement): the bootstrap repeats samples, and a
  repeated sample is its own nearest neighbour at distance zero.
* For deterministic Z, I(Z; Y | X) = 0 exactly: `conditional_information(z, y, x, deterministic=True)`.
"""

from lielaws.information.conditional import conditional_information as conditional_information
from lielaws.information.discrete import EntropyBounds as EntropyBounds
from lielaws.information.discrete import entropy_bounds as entropy_bounds
from lielaws.information.estimate import METHODS as METHODS
from lielaws.information.estimate import mutual_information as mutual_information
from lielaws.information.estimated_information import MutualInformation as MutualInformation
