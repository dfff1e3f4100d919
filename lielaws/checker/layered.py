"""Networks made of layers, and networks made of networks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from lielaws.checker import reading
from lielaws.checker.arrays import Array
from lielaws.checker.blocks import MOST_PARAMETERS, Block, Reader, Shapes
from lielaws.errors import CertificateError


def read_mlp(reader: Reader, spec: Any, where: str) -> Block:
    """W_L act(.. act(W_1 x + b_1) ..) + b_L."""
    reading.table(spec, where, {"family", "widths", "activation", "bias", "output_bias"}, {"slope"})
    widths = reading.integers(spec["widths"], f"{where}.widths", 1, MOST_PARAMETERS)
    bias, output_bias = (reading.flag(spec[key], f"{where}.{key}") for key in ("bias", "output_bias"))
    act, depth = reader.activation(spec, where), len(widths) - 1
    if depth < 1:
        raise CertificateError(f"{where}.widths", widths, "at least two are needed")
    biased = [bias] * (depth - 1) + [output_bias]
    parameters: Shapes = {}
    for layer in range(1, depth + 1):
        parameters[f"W{layer}"] = (widths[layer], widths[layer - 1])
        if biased[layer - 1]:
            parameters[f"b{layer}"] = (widths[layer],)

    def apply(p: Mapping[str, Array], data: Sequence[Array]) -> Array:
        (x,) = data
        for layer in range(1, depth + 1):
            weights, inputs, n = p[f"W{layer}"].wires, x.wires, len(x.wires)
            rows = (weights[start : start + n] for start in range(0, len(weights), n))
            sums = [reader.tape.dot(zip(row, inputs, strict=True)) for row in rows]
            x = Array(reader.tape, (widths[layer],), sums)
            x = x + p[f"b{layer}"] if biased[layer - 1] else x
            x = act(x) if layer < depth else x
        return x

    return Block(parameters, {"x": (widths[0],)}, apply)


def read_conv(reader: Reader, spec: Any, where: str) -> Block:
    """Cross-correlations without padding, an activation between two of them."""
    keys = {"kernel", "size", "stride", "dim"}
    reading.table(spec, where, {"family", "channels", "activation", *keys}, {"slope"})
    channels = reading.integers(spec["channels"], f"{where}.channels", 1, MOST_PARAMETERS)
    kernel, size, stride, dim = (
        reading.integer(spec[key], f"{where}.{key}", 1, 2 if key == "dim" else MOST_PARAMETERS)
        for key in ("kernel", "size", "stride", "dim")
    )
    act, depth = reader.activation(spec, where), len(channels) - 1
    if depth < 1:
        raise CertificateError(f"{where}.channels", channels, "at least two are needed")
    parameters = {f"W{k}": (channels[k], channels[k - 1], *((kernel,) * dim)) for k in range(1, depth + 1)}

    def apply(p: Mapping[str, Array], data: Sequence[Array]) -> Array:
        (x,) = data
        for layer in range(1, depth + 1):
            x = _correlate(p[f"W{layer}"], x, kernel, stride)
            x = act(x) if layer < depth else x
        return x

    return Block(parameters, {"x": (channels[0], *((size,) * dim))}, apply)


def _correlate(weights: Array, x: Array, kernel: int, stride: int) -> Array:
    """y[o, p] = sum over i and k of weights[o, i, k] x[i, stride p + k], where p and k may be pairs."""
    (outputs, inputs), lengths = weights.shape[:2], x.shape[1:]
    if min(lengths) < kernel:
        raise CertificateError("architecture.size", x.shape, f"too small for a kernel of {kernel}")
    counts = [(length - kernel) // stride + 1 for length in lengths]
    taps = list(product(range(inputs), *(range(kernel) for _ in lengths)))
    weights.tape.charge(outputs * math.prod(counts) * len(taps), dry=True)
    wires = []
    for o in range(outputs):
        for position in product(*map(range, counts)):
            pairs = []
            for tap, (i, *offsets) in enumerate(taps):
                place = i
                for length, p, k in zip(lengths, position, offsets, strict=True):
                    place = place * length + stride * p + k
                pairs.append((weights.wires[o * len(taps) + tap], x.wires[place]))
            wires.append(weights.tape.dot(pairs))
    return Array(weights.tape, (outputs, *counts), wires)


def read_residual(reader: Reader, spec: Any, where: str) -> Block:
    """x + block(x)."""
    reading.table(spec, where, {"family", "block"})
    block = _one_input(reader.block(spec["block"], f"{where}.block"), where)

    def apply(p: Mapping[str, Array], data: Sequence[Array]) -> Array:
        change = block.apply(p, data)
        if change.shape != data[0].shape:
            raise CertificateError(where, change.shape, f"the output of the block must have shape {data[0].shape}")
        return data[0] + change

    return Block(block.parameters, block.data, apply)


def read_sequential(reader: Reader, spec: Any, where: str) -> Block:
    """Blocks one after the other; the parameters of block k are called "k.name"."""
    entries = reading.items(reading.table(spec, where, {"family", "blocks"})["blocks"], f"{where}.blocks")
    if not entries:
        raise CertificateError(f"{where}.blocks", entries, "at least one is needed")
    blocks = {k: _one_input(reader.block(entry, f"{where}.blocks[{k}]"), where) for k, entry in enumerate(entries, 1)}

    def apply(p: Mapping[str, Array], data: Sequence[Array]) -> Array:
        (x,) = data
        for k, block in blocks.items():
            if (x.shape,) != tuple(block.data.values()):
                raise CertificateError(f"{where}.blocks[{k}]", x.shape, "this is no input shape of the block")
            x = block.apply({name: p[f"{k}.{name}"] for name in block.parameters}, [x])
        return x

    parameters = {f"{k}.{name}": shape for k, block in blocks.items() for name, shape in block.parameters.items()}
    return Block(parameters, blocks[1].data, apply)


def read_part(reader: Reader, spec: Any, where: str) -> Block:
    """A block of which the listed parameters are the state; the others are data, after those of the block."""
    reading.table(spec, where, {"family", "block", "parameters"})
    block = reader.block(spec["block"], f"{where}.block")
    listed = reading.items(spec["parameters"], f"{where}.parameters")
    chosen = {reading.choice(name, f"{where}.parameters", block.parameters) for name in listed}
    if not chosen or len(chosen) < len(listed):
        raise CertificateError(f"{where}.parameters", listed, "distinct parameters, at least one, are needed")
    state = {name: shape for name, shape in block.parameters.items() if name in chosen}
    others = {name: shape for name, shape in block.parameters.items() if name not in chosen}
    if clash := sorted(others.keys() & block.data.keys()):
        raise CertificateError(f"{where}.parameters", clash, "these are names of data as well")

    def apply(p: Mapping[str, Array], data: Sequence[Array]) -> Array:
        count = len(block.data)
        return block.apply(dict(p) | dict(zip(others, data[count:], strict=True)), data[:count])

    return Block(state, {**block.data, **others}, apply)


def _one_input(block: Block, where: str) -> Block:
    if len(block.data) != 1:
        raise CertificateError(where, sorted(block.data), "blocks have one input")
    return block
