"""Two-operand contractions: an einsum reduced once to a stack of matrix products.

Every arithmetic then needs just an elementwise product and a matrix product.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lielaws.engine.graph.node import Shape


@dataclass(frozen=True, slots=True)
class ContractionPlan:
    """How to bring operands to (batch, M, K) and (batch, K, N), and the product to the output's shape.

    terms : number of products that are added up for one entry of the output
    """

    left_axes: tuple[int, ...]
    left_matrix: Shape
    right_axes: tuple[int, ...]
    right_matrix: Shape
    product_shape: Shape
    output_axes: tuple[int, ...]
    terms: int

    @property
    def shape(self) -> Shape:
        """That of the output."""
        return tuple(self.product_shape[axis] for axis in self.output_axes)

    @property
    def pairs_alike(self) -> bool:
        """Whether each entry of the left operand meets the one in the same place of the right one, and no other."""
        return self.left_axes == self.right_axes and self.left_matrix[1] == self.right_matrix[2] == 1

    def apply(self, left: Any, right: Any, lead: int, multiply: Callable[..., Any], matmul: Callable[..., Any]) -> Any:
        """Contract arrays that carry `lead` leading axes of their own."""
        left = _arrange(left, lead, self.left_axes, self.left_matrix)
        right = _arrange(right, lead, self.right_axes, self.right_matrix)
        product = multiply(left, right) if self.terms == 1 else matmul(left, right)
        return product.reshape(product.shape[:lead] + self.product_shape).transpose(_shifted(self.output_axes, lead))


def _arrange(array: Any, lead: int, axes: tuple[int, ...], matrix: Shape) -> Any:
    return array.transpose(_shifted(axes, lead)).reshape(array.shape[:lead] + matrix)


@lru_cache(maxsize=4096)
def _shifted(axes: tuple[int, ...], lead: int) -> tuple[int, ...]:
    return tuple(range(lead)) + tuple(axis + lead for axis in axes)


def parse_subscripts(subscripts: str) -> tuple[str, str, str]:
    inputs, output = subscripts.split("->")
    left, right = inputs.split(",")
    return left, right, output


@lru_cache(maxsize=4096)
def plan_contraction(subscripts: str, left_shape: Shape, right_shape: Shape) -> ContractionPlan:
    """The plan for `subscripts` such as "ij,jk->ik"; each operand's own indices must all reach the output."""
    left, right, output = parse_subscripts(subscripts)
    size = dict(zip(left + right, left_shape + right_shape, strict=True))
    batch = [index for index in output if index in left and index in right]
    rows = [index for index in output if index in left and index not in right]
    columns = [index for index in output if index in right and index not in left]
    summed = [index for index in left if index in right and index not in output]

    def extent(indices: list[str]) -> int:
        return math.prod(size[index] for index in indices)

    product = batch + rows + columns
    return ContractionPlan(
        left_axes=tuple(left.index(index) for index in batch + rows + summed),
        left_matrix=(extent(batch), extent(rows), extent(summed)),
        right_axes=tuple(right.index(index) for index in batch + summed + columns),
        right_matrix=(extent(batch), extent(summed), extent(columns)),
        product_shape=tuple(size[index] for index in product),
        output_axes=tuple(product.index(index) for index in output),
        terms=extent(summed),
    )
