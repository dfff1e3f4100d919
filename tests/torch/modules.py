"""Modules of torch, made when they are asked for, each with an example of its inputs and the count of its laws.

python -m tests.torch.modules    stores their programs, for the tests that have no torch
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "programs"


def _sequential(*names: tuple[Any, ...]) -> Any:
    from torch import nn

    return nn.Sequential(*[getattr(nn, name)(*arguments) for name, *arguments in names])


def _mlp() -> tuple[Any, Any]:
    import torch

    return _sequential(
        ("Linear", 3, 4), ("ReLU",), ("Linear", 4, 4), ("LeakyReLU", 0.1), ("Linear", 4, 2)
    ), torch.zeros(1, 3)


def _convolution() -> tuple[Any, Any]:
    import torch

    layers = ("Conv2d", 1, 2, 3, 1, 1), ("BatchNorm2d", 2), ("ReLU",), ("MaxPool2d", 2), ("Flatten",), ("Linear", 8, 2)
    return _sequential(*layers), torch.randn(2, 1, 4, 4)


def _evaluated() -> tuple[Any, Any]:
    import torch

    layers = (
        ("Conv1d", 2, 2, 3),
        ("BatchNorm1d", 2),
        ("GELU",),
        ("AdaptiveAvgPool1d", 1),
        ("Flatten",),
        ("Linear", 2, 2),
    )
    module = _sequential(*layers)
    module[1].running_mean += 0.3
    return module.eval(), torch.randn(1, 2, 5)


def _block() -> tuple[Any, Any]:
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(nn.Conv2d(2, 2, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(2, 2, 1))
            self.head = nn.Linear(2, 2)

        def forward(self, x: Any) -> Any:
            x = torch.relu(x + self.inner(x))
            return self.head(x.mean((2, 3)))

    return Block(), torch.randn(1, 2, 3, 3)


def _encoder() -> tuple[Any, Any]:
    import torch
    from torch import nn

    return nn.TransformerEncoderLayer(4, 2, 4, dropout=0.0, batch_first=True), torch.randn(1, 2, 4)


def _language() -> tuple[Any, Any]:
    import torch
    from torch import nn

    class Language(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.norm, self.mixed = nn.Embedding(4, 3), nn.LayerNorm(3), nn.Linear(3, 3)
            self.head = nn.Linear(3, 4, bias=False)
            self.head.weight = self.table.weight
            self.register_buffer("mask", torch.tensor([[True, False], [True, True]]))

        def forward(self, tokens: Any) -> Any:
            x = self.table(tokens)
            x = x + nn.functional.scaled_dot_product_attention(x, x, self.mixed(x), attn_mask=self.mask)
            return self.head(self.norm(x))

    return Language(), torch.tensor([[0, 2]])


def _recurrent(kind: str) -> Callable[[], tuple[Any, Any]]:
    def make() -> tuple[Any, Any]:
        import torch
        from torch import nn

        return getattr(nn, kind)(2, 2), torch.randn(2, 1, 2)

    return make


def _gated() -> tuple[Any, Any]:
    import torch
    from torch import nn

    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.both, self.down = nn.Linear(2, 6, bias=False), nn.Linear(3, 2, bias=False)

        def forward(self, x: Any) -> Any:
            gate, up = self.both(x).chunk(2, dim=-1)
            return self.down(nn.functional.silu(gate) * up)

    return Gated(), torch.randn(1, 2)


MODULES: dict[str, tuple[Callable[[], tuple[Any, Any]], int]] = {
    "mlp": (_mlp, 8),
    "convolution": (_convolution, 4),
    # Laws with coefficients that depend on running statistics are counted, and not found.
    "evaluated": (_evaluated, 0),
    "block": (_block, 2),
    "encoder": (_encoder, 30),
    "language": (_language, 4),
    "lstm": (_recurrent("LSTM"), 8),
    "gru": (_recurrent("GRU"), 4),
    "gated": (_gated, 3),
}
"""each with the number of laws that are found"""


def store() -> None:
    import torch

    from lielaws.torch.capture import capture
    from lielaws.torch.doubles import in_double

    FOLDER.mkdir(exist_ok=True)
    for name, (make, _) in MODULES.items():
        torch.manual_seed(0)
        captured, _ = capture(*in_double(*make(), None))
        (FOLDER / f"{name}.json").write_text(json.dumps(captured.to_plain(), indent=None) + "\n", encoding="utf-8")


if __name__ == "__main__":
    store()
