"""A model as the modifications see it: named arrays and a function that runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.arraytypes import FloatArray
from lielaws.checks import called, flag
from lielaws.errors import InvalidArgumentError
from lielaws.modification.structure import Feedforward, UnitLayer
from lielaws.modification.tensor_values import finite_array

Params = Mapping[str, FloatArray]
Forward = Callable[[Params, Any], npt.ArrayLike]
Layers = Callable[[Params, Any], Mapping[str, npt.ArrayLike]]
Pullback = Callable[[Params, Any, FloatArray], Mapping[str, npt.ArrayLike]]


@dataclass(frozen=True, eq=False)
class Model:
    """Named arrays and a forward function.

    Attributes
    ----------
    params : name -> array; kept as read-only float64 copies
    forward : `forward(params, x)` gives outputs of shape (samples, ...), logits for a classifier; deterministic. None
        if only a loss of the parameters is asked about
    layers : `layers(params, x)` gives a mapping of layer to features, each of shape (samples, ...), in the order in
        which they are computed; None if only the outputs are of interest
    pullback : `pullback(params, x, cotangent)` gives the gradient of <cotangent, forward(params, x)> by name; None if
        no gradients are needed
    units : hidden layers whose units can be taken out or rescaled, see :class:`UnitLayer`
    feedforward : the weights and activations in a row, if the model is no more than that, see :class:`Feedforward`
    samplewise : whether each output depends on its own sample only, so that equal inputs have equal outputs
    name : used in reports
    module : a PyTorch module that the model was read from

    Raises InvalidArgumentError for parameters that are no finite real arrays.
    """

    params: Params
    forward: Forward | None = None
    layers: Layers | None = None
    pullback: Pullback | None = None
    units: tuple[UnitLayer, ...] = ()
    feedforward: Feedforward | None = None
    samplewise: bool = False
    name: str = "model"
    module: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for argument in ("forward", "layers", "pullback"):
            value = getattr(self, argument)
            if value is not None and not callable(value):
                raise InvalidArgumentError(argument, value, "a function is needed")
        flag("samplewise", self.samplewise)
        object.__setattr__(self, "params", checked_params("params", self.params))
        if not isinstance(self.units, Iterable) or not all(isinstance(unit, UnitLayer) for unit in self.units):
            raise InvalidArgumentError("units", self.units, "a sequence of UnitLayer is needed")
        object.__setattr__(self, "units", tuple(self.units))
        for layer in self.units:
            layer.check(self.shapes)
        if self.feedforward is not None:
            if not isinstance(self.feedforward, Feedforward):
                raise InvalidArgumentError("feedforward", self.feedforward, "a Feedforward is needed")
            self.feedforward.check(self.shapes)

    def __repr__(self) -> str:
        return f"Model({self.name!r}, {self.dimension} parameters in {', '.join(self.params)})"

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: value.shape for name, value in self.params.items()}

    @property
    def dimension(self) -> int:
        """Number of scalar parameters."""
        return sum(value.size for value in self.params.values())

    @property
    def matrices(self) -> tuple[str, ...]:
        """Names of the tensors with at least two axes: what pruning and quantization apply to by default."""
        return tuple(name for name, value in self.params.items() if value.ndim >= 2)

    def with_params(self, params: Mapping[str, Any]) -> Model:
        """The same model with other arrays of the same names and shapes; those that are left out stay."""
        if not isinstance(params, Mapping):
            raise InvalidArgumentError("params", params, "a mapping of names to arrays is needed")
        unknown = [name for name in params if name not in self.params]
        if unknown:
            remedy = "unknown; known: " + ", ".join(self.params)
            raise InvalidArgumentError("params", unknown[0], remedy)
        for name, value in params.items():
            shape = np.shape(value)
            if shape != self.shapes[name]:
                remedy = f"the shape {self.shapes[name]} is needed; models of one chain have equal shapes"
                raise InvalidArgumentError(f"params['{name}']", f"array of shape {shape}", remedy)
        return replace(self, params={**self.params, **params})

    def outputs(self, x: Any) -> FloatArray:
        """The outputs, (samples, ...). Raises InvalidArgumentError if the function fails or they are not finite."""
        if self.forward is None:
            raise InvalidArgumentError("forward", None, f"the model '{self.name}' has no outputs; give it a function")
        return finite_array("forward(params, x)", self._call("forward", self.forward, self.params, x))

    def features(self, x: Any) -> dict[str, FloatArray]:
        """Features by layer, each (samples, ...), the outputs not among them; empty if there are no layers."""
        if self.layers is None:
            return {}
        found = self._call("layers", self.layers, self.params, x)
        if not isinstance(found, Mapping):
            raise InvalidArgumentError("layers(params, x)", found, "a mapping of layer to features is needed")
        return {str(name): finite_array(f"layers(params, x)['{name}']", value) for name, value in found.items()}

    def gradient(self, x: Any, cotangent: FloatArray) -> dict[str, FloatArray] | None:
        """The gradient of <cotangent, outputs> by name; None if the model has no pullback."""
        if self.pullback is None:
            return None
        found = self._call("pullback", self.pullback, self.params, x, cotangent)
        return checked_gradient(self, found)

    def _call(self, argument: str, function: Callable[..., Any], *arguments: Any) -> Any:
        return called(argument, self.name, "the function failed ({}); check x and params", function, *arguments)


def checked_params(argument: str, params: Any) -> Params:
    """Read-only float64 copies of named arrays. Raises InvalidArgumentError for what is none."""
    if not isinstance(params, Mapping) or not params:
        raise InvalidArgumentError(argument, params, "a mapping of names to arrays is needed, with at least one")
    checked = {}
    for name, value in params.items():
        if not isinstance(name, str):
            raise InvalidArgumentError(argument, name, "names of parameters are texts")
        array = finite_array(f"{argument}['{name}']", value)
        if not (isinstance(value, np.ndarray) and array is value and not value.flags.writeable):
            array = array.copy()
            array.setflags(write=False)
        checked[name] = array
    if not sum(array.size for array in checked.values()):
        raise InvalidArgumentError(argument, params, "at least one number is needed")
    return MappingProxyType(checked)


def checked_gradient(model: Model, found: Any, frozen: Iterable[str] = ()) -> dict[str, FloatArray]:
    """A gradient with a finite array for each parameter, of its shape; zeros for the frozen ones."""
    if not isinstance(found, Mapping):
        raise InvalidArgumentError("gradient", found, "a mapping of names to arrays is needed")
    gradient = {}
    for name, shape in model.shapes.items():
        if name in frozen:
            gradient[name] = np.zeros(shape)
            continue
        if name not in found:
            raise InvalidArgumentError("gradient", list(found), f"the gradient of '{name}' of shape {shape} is missing")
        gradient[name] = finite_array(f"gradient['{name}']", found[name])
        if gradient[name].shape != shape:
            text = f"array of shape {gradient[name].shape}"
            raise InvalidArgumentError(f"gradient['{name}']", text, f"the shape {shape} is needed")
    return gradient
