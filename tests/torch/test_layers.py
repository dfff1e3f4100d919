"""One layer of torch.nn, or one operation, at a time: imports that check themselves, and ranks of autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.torch


class _Net(nn.Module):
    def __init__(self, function: Callable[..., Any], **layers: Any) -> None:
        super().__init__()
        self._function = function
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, *inputs: Any) -> Any:
        return self._function(self, *inputs)


def _causal(m: Any, x: Any) -> Any:
    mask = torch.triu(torch.ones(3, 3), 1).bool()
    logits = (m.a(x) @ m.b(x).transpose(-1, -2)).masked_fill(mask, float("-inf"))
    return F.softmax(logits, -1) @ m.c(x)


def _moved(m: Any, x: Any) -> Any:
    y = m.a(x)
    return torch.roll(y, 1, -1).flip(-1)[:, [0, 0, 1]] + y.repeat(1, 2)[:, :3] * torch.stack([y, -y], -1)[:, :, 0].sum()


def _shapes(m: Any, x: Any) -> Any:
    parts = torch.split(m.a(x).view(2, 2).t().unsqueeze(0).expand(2, 2, 2).reshape(-1), [3, 5])
    return torch.cat([F.pad(parts[0], (1, 2)), parts[1].narrow(0, 1, 2)])


L, R = nn.Linear, torch.randn
CASES: dict[str, Callable[[], tuple[Any, Any]]] = {
    "causal mask": lambda: (_Net(_causal, a=L(2, 2), b=L(2, 2), c=L(2, 2)), R(1, 3, 2)),
    "added mask": lambda: (
        _Net(lambda m, x: F.softmax(m.a(x) + torch.tensor([0.5, -torch.inf, 0.0]), -1), a=L(2, 3)),
        R(1, 2),
    ),
    "chosen mask": lambda: (
        _Net(lambda m, x: F.softmax(torch.where(torch.tensor([True, True, False]), m.a(x), -1e38), -1), a=L(2, 3)),
        R(1, 2),
    ),
    "movement": lambda: (_Net(_moved, a=L(2, 2)), R(1, 2)),
    "shapes": lambda: (_Net(_shapes, a=L(2, 4)), R(1, 2)),
    "transposed convolution": lambda: (
        nn.Sequential(nn.ConvTranspose2d(2, 2, 3, 2, 1, 1, groups=2), nn.Tanh(), nn.AvgPool2d(2)),
        R(1, 2, 2, 2),
    ),
    "transposed convolution in a line": lambda: (nn.ConvTranspose1d(1, 2, 2, dilation=2), R(1, 1, 3)),
    "convolution in groups": lambda: (
        nn.Sequential(nn.Conv2d(2, 4, 3, padding=1, groups=2, bias=False), nn.GroupNorm(2, 4), nn.Hardswish()),
        R(1, 2, 2, 2),
    ),
    "convolution with gaps": lambda: (
        nn.Conv2d(1, 2, 2, stride=2, dilation=2, padding="valid"),
        R(1, 1, 4, 4),
    ),
    "same size": lambda: (nn.Conv1d(1, 2, 3, padding="same"), R(1, 1, 4)),
    "padded maximum": lambda: (
        nn.Sequential(nn.Conv2d(1, 1, 1), nn.MaxPool2d(2, padding=1), nn.Flatten(), L(4, 2)),
        R(1, 1, 2, 2),
    ),
    "upsampling": lambda: (
        nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(1, 2, 3), nn.SiLU()),
        R(1, 1, 2, 2),
    ),
    "prelu": lambda: (nn.Sequential(L(2, 3), nn.PReLU(3), L(3, 2)), R(1, 2)),
    "softplus, log softmax": lambda: (
        nn.Sequential(L(2, 3), nn.Softplus(), L(3, 2), nn.LogSoftmax(-1)),
        R(1, 2),
    ),
    "glu": lambda: (nn.Sequential(L(2, 4), nn.GLU(), L(2, 2)), R(1, 2)),
    "weight norm": lambda: (
        nn.Sequential(nn.utils.parametrizations.weight_norm(L(2, 3)), nn.Tanh(), L(3, 2)),
        R(1, 2),
    ),
    "bilinear": lambda: (nn.Bilinear(2, 2, 3), (R(1, 2), R(1, 2))),
    "two layers of lstm": lambda: (nn.LSTM(1, 2, num_layers=2, bidirectional=True), R(2, 1, 1)),
    "a plain recurrent layer": lambda: (nn.RNN(2, 2), R(2, 1, 2)),
    "batch norm, relu6": lambda: (nn.Sequential(L(2, 3), nn.BatchNorm1d(3), nn.ReLU6(), L(3, 2)), R(3, 2)),
    "rms norm, mish": lambda: (nn.Sequential(nn.RMSNorm(2), L(2, 3), nn.Mish(), L(3, 2)), R(1, 2)),
    "einsum": lambda: (
        _Net(lambda m, x: torch.einsum("bi,ij,bj->b", x, m.W, m.a(x)), a=L(2, 2), W=nn.Parameter(R(2, 2))),
        R(1, 2),
    ),
    "functions of parameters": lambda: (
        _Net(lambda m, x: x * m.W.exp() / m.W.norm() + m.W.abs().sqrt(), W=nn.Parameter(torch.ones(2))),
        R(1, 2),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_rank_at_depth_one_is_that_of_autograd(name: str) -> None:
    from tests.torch.ranks import check_against_autograd

    torch.manual_seed(1)
    check_against_autograd(*CASES[name]())
