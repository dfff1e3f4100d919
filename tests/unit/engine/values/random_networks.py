"""Random compositions of all operations, on parameters a, b, W and data x of two entries."""

from __future__ import annotations

_DEPTH = 4


def random_network(rng):
    """A network of random operations; the same tree each time that it is run."""
    tree = _tree(rng, _DEPTH)
    return lambda p, x, ops: _value(tree, p, x, ops)


def _tree(rng, depth):
    if depth == 0:
        return ("leaf", int(rng.integers(5)))
    name = rng.choice(list(OPERATIONS))
    return (name, *(_tree(rng, depth - 1 if k == 0 else int(rng.integers(depth))) for k in range(ARITY.get(name, 1))))


def _value(tree, p, x, ops):
    name, *rest = tree
    if name == "leaf":
        return [p.a + 0 * x, p.b * x, x, p.W @ x, x[::-1] * p.a][rest[0]]
    return OPERATIONS[name](ops, *(_value(part, p, x, ops) for part in rest))


ARITY = dict.fromkeys(["add", "sub", "mul", "div", "max", "root of product", "log of product", "concat"], 2)
OPERATIONS = {
    "add": lambda ops, u, v: u + v,
    "sub": lambda ops, u, v: u - v,
    "mul": lambda ops, u, v: u * v,
    "div": lambda ops, u, v: u / (1 + v**2),
    "max": lambda ops, u, v: ops.maximum(u, v),
    "root of product": lambda ops, u, v: ops.sqrt(u**2 * ops.exp(v)),
    "log of product": lambda ops, u, v: ops.log(u * v**2),
    "concat": lambda ops, u, v: ops.concatenate([u[:1], v[1:]]),
    "swap": lambda ops, u: u[::-1],
    "sum": lambda ops, u: u.sum() + 0 * u,
    "norm": lambda ops, u: u * ops.rsqrt((u * u).sum()),
    "double": lambda ops, u: 2 * u,
    "third": lambda ops, u: u / -3,
    "square": lambda ops, u: u**2,
    "cube": lambda ops, u: u**3,
    "exp": lambda ops, u: ops.exp(u / 2),
    "log": lambda ops, u: ops.log(u),
    "log of square": lambda ops, u: ops.log(u**2),
    "sqrt": lambda ops, u: ops.sqrt(u),
    "root of square": lambda ops, u: ops.sqrt(4 * u**2 / 3),
    "relu": lambda ops, u: ops.relu(u),
    "abs": lambda ops, u: ops.abs(u),
    "leaky": lambda ops, u: ops.leaky_relu(u, 0.25),
    "sin": lambda ops, u: ops.sin(u),
    "cos": lambda ops, u: ops.cos(3 * u),
    "tanh": lambda ops, u: ops.tanh(u),
    "sigmoid": lambda ops, u: ops.sigmoid(u),
    "softplus": lambda ops, u: ops.softplus(u),
    "gelu": lambda ops, u: ops.gelu(u),
    "softmax": lambda ops, u: ops.softmax(u),
    "log softmax": lambda ops, u: ops.log(ops.softmax(u)),
}
