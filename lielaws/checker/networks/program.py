"""A network read in any ring of arrays: its values, and the gradient of <cotangent, output> in reverse mode.

Arrays have a first axis for the samples, of length 1 where all samples agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from lielaws.checker.networks.steps import FUNCTIONS, Step, Steps, contraction
from lielaws.checker.numbers.jets import Jets

Leaves = dict[tuple[str, str], Any]
"""values by role and name"""
Gates = Callable[[int, Any], Any]
"""the values of the gates of a piecewise function: its number and its argument -> an array of the ring"""


Values = dict[int, Any]
"""the values of steps by their numbers"""


class Program:
    """The steps that an output and all gates need.

    gates : the steps of the gates, with their numbers
    arguments : the steps of their arguments
    leaves : the shapes of all leaves
    parameter_steps : the step of each parameter that the output needs, by name
    functions : the steps that the output needs and that are no field operations
    work : about the number of products of one evaluation with its gradient, for one sample
    """

    def __init__(self, steps: Steps, output: int) -> None:
        self.steps, self.output = steps, output
        gates = [k for k, step in enumerate(steps.all) if step.op == "gate"]
        self.gates = {k: j for j, k in enumerate(gates)}
        self.arguments = [steps[k].inputs[0] for k in gates]
        self.needed = self.ancestors([output])
        self.below_gates = self.ancestors([output, *gates])
        self.work = 1 + sum(4 * _work(steps, steps[k]) for k in self.below_gates)
        self.leaves = {steps[k].fixed: steps.shape(k) for k in self.below_gates if steps[k].op == "leaf"}
        leaves = {steps[k].fixed: k for k in self.needed if steps[k].op == "leaf"}
        self.parameter_steps = {name: k for (role, name), k in leaves.items() if role == "parameter"}
        self.functions = [k for k in self.needed if steps[k].op in FUNCTIONS]
        self._varying = set(self.parameter_steps.values())
        for k in self.needed:
            if steps[k].op != "gate" and not self._varying.isdisjoint(steps[k].inputs):
                self._varying.add(k)

    def ancestors(self, outputs: Sequence[int]) -> list[int]:
        """The steps that some steps need, and these themselves, in order."""
        needed = set(outputs)
        for k in range(max(outputs), -1, -1):
            if k in needed:
                needed.update(self.steps[k].inputs)
        return sorted(needed)

    def forward(self, ring: Jets, leaves: Leaves, gates: Gates) -> Values:
        """The values of all steps, and all gates."""
        values: Values = {}
        for k in self.below_gates:
            inputs = [values[a] for a in self.steps[k].inputs]
            if k in self.gates:
                values[k] = gates(self.gates[k], *inputs)
            else:
                values[k] = _value(ring, self.steps, k, inputs, leaves)
        return values

    def output_alone(self, ring: Jets, leaves: Leaves) -> Any:
        """The value of the output of a network without gates; others are dropped as soon as nobody needs them."""
        last = {source: k for k in self.needed for source in self.steps[k].inputs}
        values: Values = {}
        for k in self.needed:
            inputs = self.steps[k].inputs
            values[k] = _value(ring, self.steps, k, [values[a] for a in inputs], leaves)
            for source in set(inputs):
                if last[source] == k:
                    del values[source]
        return values[self.output]

    def gradient(self, ring: Jets, values: Values, cotangent: Any, *, of_all: bool = False) -> dict[int, Any]:
        """The derivative of <cotangent, output> along each step that depends on parameters, or along all steps."""
        varying = set(self.needed) if of_all else self._varying
        slopes: dict[int, Any] = {self.output: cotangent}
        for k in reversed(self.needed):
            for place, source in enumerate(self.steps[k].inputs):
                if k in varying and source in varying and slopes.get(k) is not None:
                    passed = _pulled(ring, self.steps, k, place, values, slopes[k])
                    slopes[source] = ring.add(slopes.get(source), passed)
        return slopes


def _gate_factor(ring: Jets, gate: Any, step: Step) -> Any:
    """below + (above - below) * gate."""
    below, above = step.fixed
    factor = ring.scale(above - below, gate)
    if not below:
        return factor
    return ring.add(factor, ring.constant([below.numerator], below.denominator, (1,) * len(step.shape)))


def _work(steps: Steps, step: Step) -> int:
    """About the number of products of float64 numbers in one evaluation."""
    if step.op == "contract":
        return int(step.fixed.summed + 1) * step.size
    read = sum(steps[a].size for a in step.inputs)
    if step.op in FUNCTIONS:
        # A value of a function takes a microsecond or two.
        return 300 * step.size
    if step.op == "constant":
        # And a rational number less, but once for many samples.
        return 30 * step.size
    return read + step.size * (int(step.fixed).bit_length() if step.op == "power" else 1)


def _value(ring: Jets, steps: Steps, k: int, inputs: list[Any], leaves: Leaves) -> Any:
    step = steps[k]
    match step.op:
        case "leaf":
            return leaves[step.fixed]
        case "constant":
            numerators, denominator = step.fixed
            return ring.constant(numerators, denominator, step.shape)
        case "add":
            return ring.add(*inputs)
        case "scale":
            scaled = ring.scale(step.fixed, inputs[0])
            return ring.constant([0] * step.size, 1, step.shape) if scaled is None else scaled
        case "contract":
            return ring.contract(step.fixed, *inputs)
        case "power":
            return ring.power(inputs[0], step.fixed)
        case "gated":
            return ring.multiply(_gate_factor(ring, inputs[1], step), inputs[0])
        case "reciprocal":
            return ring.inverse(inputs[0])
        case "gather":
            return ring.gather(inputs[0], step.fixed)
        case "scatter":
            return ring.scatter(inputs[0], step.fixed, step.shape)
        case operation if operation in FUNCTIONS:
            return ring.function(step.op, inputs[0], inputs[-1], k)
    raise AssertionError(step.op)


def _pulled(ring: Jets, steps: Steps, k: int, place: int, values: Values, slope: Any) -> Any:
    """What a step passes back to one of its inputs, by the chain rule."""
    step = steps[k]
    a = step.inputs[0]
    match step.op:
        case "add":
            return slope
        case "scale":
            return ring.scale(step.fixed, slope)
        case "contract":
            other, terms = step.inputs[1 - place], step.fixed.terms
            subscripts = f"{terms[2]},{terms[1 - place]}->{terms[place]}"
            return ring.contract(contraction(subscripts, step.shape, steps.shape(other)), slope, values[other])
        case "power":
            return ring.scale(Fraction(step.fixed), ring.multiply(slope, ring.power(values[a], step.fixed - 1)))
        case "reciprocal":
            return ring.scale(Fraction(-1), ring.multiply(slope, ring.multiply(values[k], values[k])))
        case "gated" if place == 0:
            return ring.multiply(_gate_factor(ring, values[step.inputs[1]], step), slope)
        case "gated":
            return ring.scale(step.fixed[1] - step.fixed[0], ring.multiply(values[a], slope))
        case "gather":
            return ring.scatter(slope, step.fixed, steps.shape(a))
        case "scatter":
            return ring.gather(slope, step.fixed)
        case operation if operation in FUNCTIONS and place == 0:
            return ring.multiply(slope, ring.slope(operation, values[a], values[step.inputs[-1]], values[k], k))
    # Gates are locally constant, and the density of "gauss" is a function of its other input.
    return None
