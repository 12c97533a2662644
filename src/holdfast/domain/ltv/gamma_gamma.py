"""What customers' orders will be worth: the Gamma-Gamma model of Fader, Hardie and Lee, RFM and CLV (Journal of
Marketing Research 42, 2005), as in Fader and Hardie's note "The Gamma-Gamma Model of Monetary Value" (2013).

It takes for granted that how much a customer spends at a time does not hang on how often. Fitted by maximum likelihood
over customers with at least one repeat transaction, `x` of them worth `mean` each.
"""

import math
from collections.abc import Iterable, Sequence

import msgspec

from holdfast.domain.ltv.simplex import minimised

START = (1.0, 1.0, 2.5)
LOG_MAX = 15.0


class Worth(msgspec.Struct, frozen=True, gc=False):
    x: int
    mean: float


class GammaGamma(msgspec.Struct, frozen=True):
    p: float
    q: float
    gamma: float
    log_likelihood: float


def fit(customers: Iterable[Worth]) -> GammaGamma:
    """The most likely numbers for those of these customers who came again and paid something."""
    known = [one for one in customers if one.x > 0 and one.mean > 0]

    def cost(logs: Sequence[float]) -> float:
        if any(abs(log) > LOG_MAX for log in logs):
            return math.inf
        return -_log_likelihood(known, *(math.exp(log) for log in logs))

    point, value = minimised(cost, START)
    p, q, gamma = (math.exp(log) for log in point)
    return GammaGamma(p, q, gamma, -value)


def expected(model: GammaGamma, one: Worth) -> float:
    """The expected mean worth of a customer's further transactions (eq. 5 of the note): between the mean of all and the
    customer's own, nearer to the latter the more is known. With q of 1 or less there is no mean of all."""
    p, q, gamma = model.p, model.q, model.gamma
    below = p * one.x + q - 1
    return math.nan if below <= 0 else p * (gamma + one.x * one.mean) / below


def _log_likelihood(known: Sequence[Worth], p: float, q: float, gamma: float) -> float:
    """Of all customers (eq. 1a of the note)."""
    lgamma, log = math.lgamma, math.log
    fixed = -lgamma(q) + q * log(gamma)
    total = 0.0
    for one in known:
        px = p * one.x
        total += fixed + lgamma(px + q) - lgamma(px) + (px - 1) * log(one.mean) + px * log(one.x)
        total -= (px + q) * log(gamma + one.x * one.mean)
    return total
