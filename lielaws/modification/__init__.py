"""Models are changed after training: what pruning, quantization, fine-tuning and distillation conserve.

A chain of modifications `theta_0 -> theta_1 -> ... -> theta_N` is admissible if every member

1. makes progress: `L(theta') <= L(theta) - delta`, with one `delta > 0` for the whole chain,
2. preserves representation: `Info(theta') >= (1 - eps) Info(theta)`, `Info = I(X; Z) - I(Z; Y | X)`,

and then 3. there are at most `(L(theta_0) - L*) / delta` of them. That is the "RESOLVE-Conservation" theorem;
`certify` checks it, and the statements about single modifications that go with it:

>>> import numpy as np
>>> import lielaws
>>> from lielaws.modification import Chain, as_model, certify, fine_tune, prune
>>> rng = np.random.default_rng(0)
>>> network = lielaws.mlp([4, 8, 3])
>>> model = as_model(network, {name: rng.normal(size=shape) for name, shape in network.parameters.items()})
>>> x, y = rng.normal(size=(60, 4)), rng.integers(0, 3, 60)
>>> chain = Chain.build(
...     model, [lambda m: prune(m, 0.2), lambda m: fine_tune(m, (x, y), rate=0.05, steps=1)]
... )
>>> certificate = certify(chain, (x, y))
>>> certificate.accepted, certificate.admissible
(False, (False, True))
>>> certificate["progress"].verdict, certificate["preservation"].verdict, certificate["descent"].verdict
('fail', 'pass', 'not applicable')
>>> certificate["descent"].rows[0].note
'no constant of smoothness is known; give smoothness=...'

`print(certificate)` shows everything, `certificate.save(path)` writes it as JSON.

Which part is what
------------------
A clause passes only if all its comparisons hold, each side off by its rounding; where rounding or a confidence interval
leaves it open it is "undecided", and where a hypothesis does not hold it is "not applicable" and says which. Neither is
a pass. (What is a theorem once its hypotheses hold passes unless the numbers refute it by more than rounding.) Its
status says what a pass is worth: "proved", "estimated" or "heuristic".

clause          status, and what it rests on
progress        proved, of the loss on the given data; the computed losses are compared as exact rationals
countability    proved, from a proven lower bound L* of the loss: 0, or the entropy or the spread of targets of equal
                inputs; never the best value seen. A bound that the caller gives is named as a hypothesis
termination     proved, from progress
preservation    proved for X uniform on the data (`information="empirical"`, or "noisy" with bounds of I(X; Z + N));
                estimated for the distribution of the data, with the estimators of :mod:`lielaws.information`. Z is a
                function of X, so I(Z; Y | X) = 0, and I(X; Z) is infinite for continuous X without noise: refused
descent         proved for eta <= 1/L_smooth with a constant that is proved (quadratic losses; the last layer, for the
                features that it reads here) or given, which is named as a hypothesis; exact on quadratic losses.
                Refused for larger steps, for an estimated constant, and where the step was none along this gradient
features        proved, of the data: the distances are measured
distillation    proved, of the data: Pinsker's inequality, for predictions drawn from the model. The most likely class
                may lose more, and the report shows how
capacity        proved: ranks are exact, or count singular values above a stated tolerance, exactly
capacity_rules  heuristic: (1 - s) after pruning a share s, and b/32 with b bits. Both are false as theorems
decay           proved where the loss with decay has not risen: |theta|^2 <= 2 (F(theta_0) - L*) / lambda
lipschitz       proved for rows of matrices and activations: upper bounds of spectral norms, with their rounding
drift           proved: the sum of the steps and, for rows of layers, a bound from the weights alone
invariance      rescaled units: proved for positively homogeneous activations, checked on the data
quantization    proved: each weight moves by at most half a step, compared exactly

Floats are taken as the rationals that they are. That outputs are accurate to `accuracy` (1e-12) of the largest one is
supposed, and named as a hypothesis: no program can know how a forward function rounds. What the library itself computes
from them is allowed for.

The modifications
-----------------
`prune`, `prune_units`, `quantize`, `truncate`, `rescale`, `fine_tune`, `gradient_steps` and `distill` work on whatever
:func:`as_model` takes: a :class:`Model` of named arrays and a forward function, a lielaws architecture with parameters,
or a PyTorch module (`modification.module()` is the module after). Shapes stay: what is taken out is set to zero.
`law_changes(report, modification)` says how one moves the conservation laws of the network (:mod:`lielaws.lineage`).
"""

from lielaws.modification.array_files import load_arrays as load_arrays
from lielaws.modification.array_files import save_arrays as save_arrays
from lielaws.modification.certify import certify as certify
from lielaws.modification.chain import Chain as Chain
from lielaws.modification.chain import Modification as Modification
from lielaws.modification.clause_rows import Clause as Clause
from lielaws.modification.clause_rows import Row as Row
from lielaws.modification.clauses.distillation import argmax_pair as argmax_pair
from lielaws.modification.clauses.distillation import imitation as imitation
from lielaws.modification.conservation import ConservationCertificate as ConservationCertificate
from lielaws.modification.data import Data as Data
from lielaws.modification.exact_matrices import exact_rank as exact_rank
from lielaws.modification.exact_matrices import tolerant_rank as tolerant_rank
from lielaws.modification.law_effects import law_changes as law_changes
from lielaws.modification.loss_bounds import LowerBound as LowerBound
from lielaws.modification.losses import CrossEntropy as CrossEntropy
from lielaws.modification.losses import OutputLoss as OutputLoss
from lielaws.modification.losses import ParameterLoss as ParameterLoss
from lielaws.modification.losses import SquaredError as SquaredError
from lielaws.modification.model import Model as Model
from lielaws.modification.model_sources import as_model as as_model
from lielaws.modification.norms import spectral_bound as spectral_bound
from lielaws.modification.prune import prune as prune
from lielaws.modification.prune import prune_units as prune_units
from lielaws.modification.quadratic_losses import QuadraticLoss as QuadraticLoss
from lielaws.modification.quantize import quantize as quantize
from lielaws.modification.rescale import rescale as rescale
from lielaws.modification.smoothness import Smoothness as Smoothness
from lielaws.modification.smoothness import last_layer_smoothness as last_layer_smoothness
from lielaws.modification.structure import Feedforward as Feedforward
from lielaws.modification.structure import UnitLayer as UnitLayer
from lielaws.modification.train import distill as distill
from lielaws.modification.train import fine_tune as fine_tune
from lielaws.modification.train import gradient_steps as gradient_steps
from lielaws.modification.truncate import truncate as truncate
