"""What changes of a model do to its conservation laws, and what its laws say of where it comes from.

>>> import lielaws
>>> from lielaws.lineage import law_change, lineage
>>> report = lielaws.discover_laws("relu:2-2-1")
>>> before = {"W1": [[1.0, 2.0], [3.0, 1.0]], "W2": [[1.0, 2.0]]}
>>> after = {"W1": [[2.0, 4.0], [0.0, 0.0]], "W2": [[0.5, 0.0]]}
>>> changes = law_change(report, before, after)
>>> [law.status for law in changes.laws]
['moved', 'removed']
>>> changes.after.tolist()
[19.75, 0.0]

`law_change` says how each law moved, in exact arithmetic, and whether as a modification of that kind moves it: pruning
a unit removes its law; rescaling moves laws while the function stays, to values that are known; quantization moves them
by no more than a bound that is computed; gradient steps move them by the balance of `lielaws.training`, and no more.

`lineage` turns the last one around: given two models, can one be the other after gradient steps? The laws of a child
are those of its parent, unit by unit, up to a drift of second order in the learning rate; those of an independently
trained model are not, and neither are those of a copy with rescaled units, although it computes the same function.

What it cannot do: tell a child from its parent, or from a sibling that was trained from the same initialization (the
same laws); say anything where all laws are near zero (balanced initializations) or where there are no laws; recognize
fine-tuning by Adam and other methods whose steps are no multiples of gradients, which do not keep the laws; notice what
moves laws by less than the run was allowed to.

How often it errs (`benchmarks/lineage.py`: 72 pairs of each kind, networks trained on digits and on synthetic data
from several initializations; where 0 of 72 are wrong, the true rate is below 5 % with a confidence of 97.5 %), as
compatible / not compatible / undecidable:

                                        told nothing      told steps, rate and gradients
    fine-tuned                          72   0   0        72   0   0
    fine-tuned on half of the classes   72   0   0        72   0   0
    fine-tuned with momentum 0.9        62   0  10        70   0   2
    fine-tuned with weight decay        72   0   0        72   0   0
    fine-tuned in minibatches of 2      48   0  24        51   3  18
    fine-tuned long, large steps        48  13  11        52   0  20
    trained from the same start         71   0   1        72   0   0
    independently trained                0  45  27         0  72   0
    rescaled copy, factors up to 2       0  70   2         0  72   0
    rescaled copy, factors up to 1.05    0  72   0         2  61   9
    rescaled, then fine-tuned            0  72   0         0  72   0
    fine-tuned, units in another order   0  44  28         0  72   0
    mean with an independent model       0  40  32         0  68   4
    fine-tuned by Adam                   4   4  64         0  72   0
    quantized to 6 bits                  1  68   3        18  49   5

* Told steps, learning rate and ten gradients of each model: none of ordinary fine-tuning is rejected, with decay or
  momentum too, and no independently trained model passes, nor one fine-tuned by Adam. But minibatches of two samples,
  whose gradients have heavy tails, are wrongly rejected in 4 %, and quantization to 6 bits passes in 25 %, factors of
  at most 1.05 in 3 %: they move laws by less than a run may.
* Told nothing: long runs with large steps are wrongly rejected in 18 %, and Adam passes in 6 %. No independently
  trained model passes, but 38 % are undecidable, nearly all where the initialization is balanced or nearly so.
"""

from lielaws.lineage.change import KINDS as KINDS
from lielaws.lineage.change import law_change as law_change
from lielaws.lineage.change_result import LawChange as LawChange
from lielaws.lineage.change_result import LawChanges as LawChanges
from lielaws.lineage.compare import lineage as lineage
from lielaws.lineage.drift import AllowedDrift as AllowedDrift
from lielaws.lineage.drift import allowed_drift as allowed_drift
from lielaws.lineage.verdict import Lineage as Lineage
