"""A module as a captured program, by `torch.export`.

What depends on no float that may vary (masks, positions, sizes that depend on the data) is computed with the example
and kept as a constant. What only moves entries is run on their numbers: the result says where each entry comes from.
"""

from __future__ import annotations

import logging
import operator
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from lielaws.errors import InvalidArgumentError, UnsupportedError
from lielaws.torch.captured import Captured, Ref, Shape, Step
from lielaws.torch.doubles import is_float
from lielaws.torch.reference import executed

# Operations of ATen that move entries, or leave them where they are.
MOVEMENT = frozenset(
    """alias cat chunk clone constant_pad_nd contiguous expand expand_as flatten flip gather index index_select movedim
    narrow pad permute repeat repeat_interleave reshape roll select slice split split_with_sizes squeeze stack swapaxes
    t tile to _to_copy transpose type_as unbind unflatten unfold unsqueeze upsample_nearest1d
    upsample_nearest2d upsample_nearest3d view view_as _unsafe_view""".split()  # noqa: SIM905
)
# Those that depend on nothing but the shape of their input.
_SHAPES_ALONE = frozenset("zeros_like ones_like full_like new_zeros new_ones new_full".split())  # noqa: SIM905
# Those that change types alone.
_SAME_PLACES = frozenset({"_to_copy", "alias", "clone", "contiguous", "to", "type_as"})
_LINE = re.compile(r'File "(?:[^"]*[\\/])?([^"]*)", line (\d+)')
_CHOICES = "the program would follow the branch of the example alone, and laws might not hold in others"


def capture(module: Any, inputs: Sequence[Any], keywords: Mapping[str, Any]) -> tuple[Captured, Any]:
    """The program of a module in float64 on an example of its inputs, and what torch exports.

    Raises InvalidArgumentError if the module fails on the example, and UnsupportedError for programs with branches.
    """
    import torch

    try:
        with warnings.catch_warnings(), torch.no_grad(), _quiet():
            warnings.simplefilter("ignore")
            exported = torch.export.export(module, tuple(inputs), dict(keywords), strict=False)
            exported = exported.run_decompositions(_recurrent())
    except Exception as error:  # noqa: BLE001  whatever a module raises
        text = " ".join(str(error).split())[:200]
        remedy = f"torch.export fails on it ({type(error).__name__}: {text}); run it on this example first"
        raise InvalidArgumentError("module", type(module).__name__, remedy) from None
    return _Reader(exported, module, [*inputs, *keywords.values()]).captured(), exported


def _recurrent() -> dict[Any, Any]:
    """How torch takes recurrent layers apart; all other operations stay whole."""
    from torch._decomp import decomposition_table

    kinds = ("aten.lstm", "aten.gru", "aten.rnn_tanh", "aten.rnn_relu")
    return {operation: parts for operation, parts in decomposition_table.items() if str(operation).startswith(kinds)}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch logs of a module that fails; its message is in the error."""
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


@dataclass
class _Reader:
    """Goes through the nodes of an exported program with the values that they have on the example.

    varying : the nodes that depend on parameters or on float data
    pieces : parts of what a movement has returned as a list, by its name and their number
    """

    exported: Any
    module: Any
    inputs: Sequence[Any]
    values: dict[Any, Any] = field(default_factory=dict)
    varying: set[Any] = field(default_factory=set)
    parameters: dict[str, Shape] = field(default_factory=dict)
    frozen: dict[str, Shape] = field(default_factory=dict)
    data: dict[str, Shape] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    constants: dict[str, Any] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    pieces: dict[str, Step] = field(default_factory=dict)

    def captured(self) -> Captured:
        import torch

        with torch.no_grad():
            for node in self.exported.graph.nodes:
                if node.op == "placeholder":
                    self._placeholder(node)
                elif node.op == "call_function":
                    self._call(node)
        outputs = self._outputs()
        used = set(outputs)
        kept: list[Step] = []
        # Running statistics are outputs of the program, but not of the module.
        for step in reversed(self.steps):
            if step.name in used:
                kept.insert(0, step)
                used |= {ref.name for ref in _refs((step.inputs, dict(step.options)))}
        names = {
            own: called
            for own, called in self.names.items()
            if called in used or own in self.parameters or own in self.data
        }
        frozen = {name: shape for name, shape in self.frozen.items() if name in names}
        constants = {name: array for name, array in self.constants.items() if name in used}
        return Captured(self.parameters, frozen, self.data, names, constants, kept, outputs)

    @cached_property
    def _specs(self) -> dict[str, Any]:
        return {spec.arg.name: spec for spec in self.exported.graph_signature.input_specs}

    @cached_property
    def _first_names(self) -> dict[int, str]:
        """By the identity of a tensor its first name; tied weights have several."""
        found: dict[int, str] = {}
        for tensors in (self.module.named_parameters, self.module.named_buffers):
            for name, tensor in tensors(remove_duplicate=False):
                found.setdefault(id(tensor), name)
        return found

    def _placeholder(self, node: Any) -> None:
        spec = self._specs[node.name]
        kind = spec.kind.name
        if kind == "USER_INPUT":
            self._input(node)
            return
        tensors = {**dict(self.exported.state_dict), **dict(self.exported.constants)}
        tensor = tensors[spec.target]
        name = self._first_names.get(id(_attribute(self.module, spec.target)), spec.target)
        self.values[node] = tensor
        if not is_float(tensor):
            return
        is_trained = kind == "PARAMETER" and tensor.requires_grad
        (self.parameters if is_trained else self.frozen)[name] = tuple(tensor.shape)
        self.names[name] = node.name
        if is_trained:
            self.varying.add(node)

    def _input(self, node: Any) -> None:
        tensor: Any = next(self._given, None)
        self.values[node] = tensor
        if is_float(tensor):
            # A parameter may have the name of an argument.
            name = f"input_{node.name}" if node.name in self.names else node.name
            self.data[name] = tuple(tensor.shape)
            self.names[name] = node.name
            self.varying.add(node)

    @cached_property
    def _given(self) -> Iterator[Any]:
        return iter(self.inputs)

    def _call(self, node: Any) -> None:
        arguments, options = _mapped((node.args, dict(node.kwargs)), self.values.get)
        value = self.values[node] = executed(node.target, arguments, options)
        sources = [source for source in node.all_input_nodes if source in self.varying]
        # Checks of types and sizes return nothing.
        name = _operation(node.target)
        if not sources or value is None or name.split(".")[0] in _SHAPES_ALONE:
            return
        if node.target is not operator.getitem and not any(map(is_float, _flat(value))):
            raise UnsupportedError(f"operation {name}", self._place(node), _CHOICES)
        self.varying.add(node)
        if node.target is operator.getitem:
            self._item(node)
        elif name.split(".")[0] in MOVEMENT:
            self._moved(node)
        else:
            inputs, keywords = _mapped((node.args, dict(node.kwargs)), self._referred)
            if "dropout" in name:
                keywords = {**keywords, "shape": tuple(arguments[0].shape)}
            self.steps.append(Step(node.name, name, tuple(inputs), keywords, self._place(node)))

    def _item(self, node: Any) -> None:
        source, number = node.args
        if f"{source.name}.{number}" in self.pieces:
            self.steps.append(self.pieces[f"{source.name}.{number}"])
        else:
            self.steps.append(Step(node.name, "getitem", (Ref(source.name), number), {}, self._place(node)))

    def _moved(self, node: Any) -> None:
        """The movement on the numbers of entries, from 1 on; tensors that do not vary are kept with their values."""
        import torch

        parts: list[str] = []
        numbered: dict[Any, Any] = {}
        start = 1
        name = _operation(node.target)
        stays = name.split(".")[0] in _SAME_PLACES
        for source in [node.args[0]] if stays else node.all_input_nodes:
            value = self.values[source]
            if is_float(value):
                # As floats, which all movements take.
                numbers = torch.arange(start, start + value.numel(), dtype=torch.float64)
                numbered[source] = numbers.reshape(value.shape)
                parts.append(self._referred(source).name)
                start += value.numel()
        args, kwargs = _mapped((node.args, dict(node.kwargs)), lambda n: numbered.get(n, self.values.get(n)))
        kwargs = {key: value for key, value in kwargs.items() if key != "dtype"}
        if "pad" in name and len(args) > 2 and any(x for x in args[2:] if isinstance(x, int | float)):
            raise UnsupportedError(f"operation {name}", self._place(node), "it pads with other numbers than zero")
        places = numbered[node.args[0]] if stays else executed(node.target, args, kwargs)
        inputs = tuple(map(Ref, parts))
        if isinstance(places, torch.Tensor):
            self.steps.append(Step(node.name, "move", (*inputs, _rounded(places)), {}, self._place(node)))
            return
        for user in node.users:
            step = Step(user.name, "move", (*inputs, _rounded(places[user.args[1]])), {}, self._place(node))
            self.pieces[f"{node.name}.{user.args[1]}"] = step

    def _referred(self, node: Any) -> Any:
        """What stands for a value: its name; for what does not vary, the value itself."""
        import torch

        value = self.values.get(node)
        if isinstance(value, torch.Tensor) and node not in self.varying and node.name not in self.names.values():
            self.constants[node.name] = value.detach().numpy()
        return Ref(node.name) if isinstance(value, torch.Tensor | list | tuple) else value

    def _outputs(self) -> list[str]:
        import torch

        specs = self.exported.graph_signature.output_specs
        names = [spec.arg.name for spec in specs if spec.kind.name == "USER_OUTPUT" and hasattr(spec.arg, "name")]
        by_name = {node.name: node for node in self.values}
        found = [name for name in names if isinstance(self.values.get(by_name.get(name)), torch.Tensor)]
        found = [name for name in found if by_name[name] in self.varying]
        if not found:
            raise InvalidArgumentError("module", type(self.module).__name__, "it returns no float tensor that varies")
        return found

    def _place(self, node: Any) -> str:
        stack = node.meta.get("nn_module_stack") or {}
        path = next((entry[0] for entry in reversed(list(stack.values())) if entry[0]), "")
        # The name of the file alone: its folder differs from machine to machine.
        lines = _LINE.findall(node.meta.get("stack_trace") or "")
        return ", ".join(
            filter(None, [path.removeprefix("L['self']."), "{}, line {}".format(*lines[-1]) if lines else ""])
        )


def _rounded(places: Any) -> Any:
    return places.numpy().astype(np.int64)


def _operation(target: Any) -> str:
    """aten.add.Tensor -> add.Tensor; the namespace of others is kept."""
    return str(getattr(target, "__name__", target)) if target is operator.getitem else str(target).removeprefix("aten.")


def _attribute(module: Any, path: str) -> Any:
    for name in path.split("."):
        module = getattr(module, name, None)
    return module


def _mapped(value: Any, function: Any) -> Any:
    """The value with each node of a graph replaced."""
    import torch

    return torch.fx.node.map_arg(value, function)


def _flat(value: Any) -> list[Any]:
    return [x for entry in value for x in _flat(entry)] if isinstance(value, tuple | list) else [value]


def _refs(value: Any) -> list[Ref]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, tuple | list):
        return [ref for entry in value for ref in _refs(entry)]
    return [value] if isinstance(value, Ref) else []
