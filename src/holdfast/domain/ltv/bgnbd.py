"""How many orders customers will yet place: the BG/NBD model of Fader, Hardie and Lee, "Counting Your Customers" the
Easy Way (Marketing Science 24, 2005). Fitted by maximum likelihood.

A customer is a `History`: `x` repeat transactions, the last at `t_x`, watched for `t` since the first, all in one unit
of time. Several transactions in one unit at a time are one.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from holdfast.domain.ltv.simplex import minimised

SERIES_MAX = 20_000
START = (0.0, 1.0, 0.0, 1.0)
"""Logarithms of r, alpha, a and b to begin at."""
LOG_MAX = 15.0


class History(msgspec.Struct, frozen=True, gc=False):
    x: int
    t_x: float
    t: float


class BgNbd(msgspec.Struct, frozen=True):
    """The four numbers of the model. `log_likelihood` is what they were chosen for."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float


def fit(histories: Iterable[History]) -> BgNbd:
    """The most likely numbers for these customers."""
    counted = list(Counter((h.x, h.t_x, h.t) for h in histories).items())

    def cost(logs: Sequence[float]) -> float:
        if any(abs(log) > LOG_MAX for log in logs):
            return math.inf
        return -_log_likelihood(counted, *(math.exp(log) for log in logs))

    point, value = minimised(cost, START)
    r, alpha, a, b = (math.exp(log) for log in point)
    return BgNbd(r, alpha, a, b, -value)


def expected(model: BgNbd, history: History, time: float) -> float:
    """The expected number of transactions of one customer in the `time` that follows (eq. 10 of the paper)."""
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    x, t = history.x, history.t
    shrink = _log_hypergeometric(r + x, b + x, a + b + x - 1, time / (alpha + t + time))
    left = math.exp((r + x) * math.log((alpha + t) / (alpha + t + time)) + shrink)
    upper = (a + b + x - 1) / (a - 1) * (1 - left)
    return upper / (1 + _odds_of_gone(model, history))


def alive(model: BgNbd, history: History) -> float:
    """The chance that a customer has not left for good (eq. 13 of the authors' note on P(alive))."""
    return 1 / (1 + _odds_of_gone(model, history))


def _odds_of_gone(model: BgNbd, h: History) -> float:
    if h.x == 0:
        return 0.0
    log_ratio = (model.r + h.x) * math.log((model.alpha + h.t) / (model.alpha + h.t_x))
    return model.a / (model.b + h.x - 1) * math.exp(min(log_ratio, 700.0))


def _log_likelihood(
    counted: Sequence[tuple[tuple[int, float, float], int]], r: float, alpha: float, a: float, b: float
) -> float:
    """Of all customers (eq. 6 of the paper), those with equal histories together."""
    gamma = math.lgamma
    fixed = r * math.log(alpha) - gamma(r) + gamma(a + b) - gamma(b)
    total = 0.0
    by_x: dict[int, float] = {}
    for (x, t_x, t), count in counted:
        common = by_x.get(x)
        if common is None:
            common = by_x[x] = fixed + gamma(r + x) + gamma(b + x) - gamma(a + b + x)
        stays = -(r + x) * math.log(alpha + t)
        if x > 0:
            leaves = math.log(a) - math.log(b + x - 1) - (r + x) * math.log(alpha + t_x)
            high = max(stays, leaves)
            stays = high + math.log(math.exp(stays - high) + math.exp(leaves - high))
        total += count * (common + stays)
    return total


def _log_hypergeometric(a: float, b: float, c: float, z: float) -> float:
    """The logarithm of Gauss's 2F1(a, b; c; z) for positive numbers and 0 <= z < 1, by its series."""
    term = total = 1.0
    scale = 0.0
    for n in range(SERIES_MAX):
        term *= (a + n) * (b + n) / ((c + n) * (n + 1)) * z
        total += term
        if total > 1e200:
            term, total, scale = term / 1e200, total / 1e200, scale + math.log(1e200)
        if term < total * 1e-13:
            break
    return math.log(total) + scale
