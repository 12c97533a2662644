"""The minimum of a smooth function of a few numbers, by the downhill simplex of Nelder and Mead (1965).

No derivative is needed. It is done when the simplex has shrunk to nothing, or after `steps_max` steps.
"""

from collections.abc import Callable, Sequence

Point = tuple[float, ...]
STEPS_MAX = 2_000


def minimised(
    function: Callable[[Point], float], start: Sequence[float], *, spread: float = 0.5, within: float = 1e-8,
    steps_max: int = STEPS_MAX,
) -> tuple[Point, float]:  # fmt: skip
    """The point where the function is least, and its value there."""
    first = tuple(start)
    corners = [first] + [
        tuple(value + (spread if at == moved else 0.0) for at, value in enumerate(first)) for moved in range(len(first))
    ]
    simplex = sorted((function(point), point) for point in corners)
    for _ in range(steps_max):
        best, worst = simplex[0], simplex[-1]
        if abs(worst[0] - best[0]) <= within * (abs(best[0]) + within) and _size(simplex) <= within:
            break
        centre = _centre([point for _, point in simplex[:-1]])
        replaced = _step(function, simplex, centre)
        if replaced is not None:
            simplex = sorted([*simplex[:-1], replaced])
        else:
            shrunk = [_between(best[1], point, 0.5) for _, point in simplex[1:]]
            simplex = sorted([best, *((function(point), point) for point in shrunk)])
    return simplex[0][1], simplex[0][0]


def _step(
    function: Callable[[Point], float], simplex: list[tuple[float, Point]], centre: Point
) -> tuple[float, Point] | None:
    """What takes the place of the worst corner: its reflection, that expanded, or a contraction; None to shrink."""
    best, second, worst = simplex[0], simplex[-2], simplex[-1]
    reflected = _between(worst[1], centre, 2.0)
    there = function(reflected)
    if there < best[0]:
        expanded = _between(worst[1], centre, 3.0)
        beyond = function(expanded)
        return (beyond, expanded) if beyond < there else (there, reflected)
    if there < second[0]:
        return there, reflected
    towards = reflected if there < worst[0] else worst[1]
    contracted = _between(towards, centre, 0.5)
    inside = function(contracted)
    return (inside, contracted) if inside < min(there, worst[0]) else None


def _between(start: Point, end: Point, share: float) -> Point:
    return tuple(a + (b - a) * share for a, b in zip(start, end, strict=True))


def _centre(points: Sequence[Point]) -> Point:
    return tuple(sum(values) / len(points) for values in zip(*points, strict=True))


def _size(simplex: Sequence[tuple[float, Point]]) -> float:
    best = simplex[0][1]
    return max(abs(a - b) for _, point in simplex[1:] for a, b in zip(point, best, strict=True))
