"""Discrete training, exactly: conservation laws followed through the steps of SGD.

Laws hold along gradient flow. Training takes steps, and each step moves a law; but a law of degree at most two moves by
an amount that is known exactly. For plain SGD and h = q(theta), with <grad h(theta), G> = 0 for the gradient G of every
loss on every minibatch (arXiv 2307.00144, section 2),

    h(theta - eta G) - h(theta) = eta^2 q(G)

with no error term. Momentum with dampening and Nesterov, coupled and decoupled weight decay, schedules and gradient
scaling lead to a closed recursion of the same kind (:mod:`lielaws.training.recursion`). `LawBalance` carries it along a
training loop, compares it with the laws that it measures, and raises an alarm where they part:

>>> import lielaws
>>> from lielaws.training import LawBalance
>>> report = lielaws.discover_laws("linear:1-1-1")
>>> balance = LawBalance(report, lr=0.125, momentum=0.9)
>>> a, b = 2.0, 1.0                              # the network is b a x, the loss is b a
>>> balance.step({"W1": [[a]], "W2": [[b]]}, {"W1": [[b]], "W2": [[a]]}).alarm
False
>>> a, b = a - 0.125 * b, b - 0.125 * a
>>> print(balance.finish({"W1": [[a]], "W2": [[b]]}))
1 law over 1 step
  drift               9.4e-03   of the sum of squares of the entries, at most
  residual of a step  0.0e+00   tolerance 1e-11
  from the start      0.0e+00   tolerance 1e-09
  no alarm

The calling convention
----------------------
`balance.step(params, grads)` comes after the backward pass and before the update, once for each update, with the
parameters before the update and the gradients as the optimizer gets them. It measures how the update before came out,
returns that, and predicts the coming one. `balance.finish(params)` measures the last one and sums up; `balance.check(
params)` is a look in between that records nothing. With PyTorch, which is not imported:

    params = {"W1": model[0].weight, "W2": model[2].weight}
    for x, y in batches:
        optimizer.zero_grad()
        loss(model(x), y).backward()
        balance.step(params, {name: w.grad for name, w in params.items()}, lr=optimizer.param_groups[0]["lr"])
        optimizer.step()
    print(balance.finish(params))

* `grads` after clipping by norm: nothing else to do. Before it, or with a scaled loss: give `scale`, the factor.
* A gradient that is not finite is refused by `step`, and nothing has changed: skip the update, as PyTorch's GradScaler
  does, and go on. Do not call `step` for an update that is left out.
* The momentum buffer is that of PyTorch and optax, and the learning rate multiplies it. Keras puts the learning rate
  into the buffer: the same as long as it is constant. It maximizes: `scale=-1`.
* Decoupled decay is `theta <- (1 - lr * decoupled_decay) theta` before the update, as in AdamW and SGDW.
* Tensors that no law involves need not be given. Laws of `gates="realizable"` hold in one region only.

Two predictions are compared with each measured law h. `predicted` starts from the law measured before the step: it says
in which step something went wrong, and `gradient_fault` and `update_fault` divide its residual into a gradient that is
none, and an update that is not what the rule makes of the gradient. `predicted_from_start` starts from the first
parameters and the recursion alone: it shows what single steps hide in rounding. Residuals are relative to the sum of
squares of the entries of the law. Tolerances follow the coarsest type that is seen:

    type        from the start    one step
    float64     1e-9              1e-11
    float32     1e-4              1e-6
    float16     0.4               4e-3      (small updates are rounded away: only single steps can be checked)
    bfloat16    3                 3e-2

A network that runs in lower precision than its parameters are kept in (autocast, TF32) has gradients that are off by as
much; pass `tolerance`, for instance 1e-2.

Bugs that the balance sees
--------------------------
* gradients that are those of no loss on this network at these parameters: a wrong backward pass, a straight-through or
  surrogate gradient, a corrupted or noisy entry, gradients rounded to a smaller type, a factor on the gradient of one
  layer, clipping entry by entry or tensor by tensor, gradients computed at earlier parameters (asynchronous workers),
  or summed over steps because they were not set to zero;
* updates that are not the rule's: a parameter group left out, a layer updated twice, an update skipped or made twice,
  a decay left out, of another strength, applied to some tensors of a law, or coupled where decoupled was meant; another
  momentum, dampening, Nesterov or learning rate than stated; a momentum buffer that is stale, emptied or not updated;
  gradients clipped after the monitor saw them; another optimizer;
* weights that change otherwise: clamped, normalized, overwritten by a checkpoint or an average, perturbed, kept in a
  smaller type.

The first-order ones (those of gradients, groups, decay and weights) show at full size. A wrong learning rate, momentum,
dampening or Nesterov shows with the square of the learning rate only, and may stay below the tolerance of float32.

Bugs that no law can see
------------------------
* whatever still gives the gradient of some loss on this network: the sign of the loss, its factor, another loss, wrong
  labels, the same or stale data again and again, a wrong normalization of inputs, augmentation left on or out;
* another network with the same laws, such as a leaky ReLU for a ReLU forward *and* backward, or one with dropout of its
  ReLU units;
* tensors that no law involves, and errors orthogonal to the gradients of all laws;
* a scaling of all tensors of a law where the law is zero: decay of balanced weights.

Invisible for plain SGD only: an update uphill, `theta + eta G` (with momentum or coupled decay it shows), coupled for
decoupled decay (the same without momentum; shows with it), and dampening or Nesterov flags (they do nothing there).
"""

from lielaws.training.balance import LawBalance as LawBalance
from lielaws.training.balance_records import BalanceError as BalanceError
from lielaws.training.balance_records import LawStep as LawStep
from lielaws.training.balance_records import RunBalance as RunBalance
from lielaws.training.balance_records import StepBalance as StepBalance
from lielaws.training.recursion import GradientForms as GradientForms
