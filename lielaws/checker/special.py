"""Functions beyond field operations on jets: a value at the base point, and a derivative rule.

Modulo a prime, exp and its like have no values of their own. What value each has at the base point is given, and
`sharing` sees to it that these values are related as the functions are; f(a + e b) = f(a) + e b f'(a) does the rest.
"""

from __future__ import annotations

from typing import Any

KINDS = ("exp", "log", "gauss", "cos", "sin", "sqrt")


def value(kind: str, inputs: list[Any], base: Any, ring: Any) -> Any:
    """The function at a jet; an integer is a jet without nilpotents."""
    a = inputs[0]
    match kind:
        case "cos" | "sin":
            return _turn(a, base, ring)[kind == "sin"]
        case "gauss":
            return _gauss(a, inputs[1], base, ring)
    if type(a) is int:
        return base
    inner = value(kind, [a[0]], base, ring)
    return inner, ring.multiply(a[1], slope(kind, [a[0]], inner, base, ring))


def slope(kind: str, inputs: list[Any], result: Any, base: Any, ring: Any) -> Any:
    """The derivative along the first input, at a jet where the function is `result`."""
    a = inputs[0]
    match kind:
        case "exp":
            return result
        case "log":
            return ring.inverse(a)
        case "sqrt":
            return ring.inverse(ring.add(result, result))
        case "gauss":
            return inputs[1]
        case "cos":
            return ring.multiply(-1 % ring.prime, _turn(a, base, ring)[1])
    return _turn(a, base, ring)[0]


def _gauss(a: Any, density: Any, base: Any, ring: Any) -> Any:
    if type(a) is int:
        return base
    inside = density if type(density) is int else density[0]
    return _gauss(a[0], inside, base, ring), ring.multiply(a[1], inside)


def _turn(a: Any, base: tuple[int, int], ring: Any) -> tuple[Any, Any]:
    """Cosine and sine."""
    if type(a) is int:
        return base
    cos, sin = _turn(a[0], base, ring)
    back = ring.multiply(-1 % ring.prime, ring.multiply(a[1], sin))
    return (cos, back), (sin, ring.multiply(a[1], cos))
