"""The cron language: what a schedule's rule means on a place's clock. Pure; `now` and zones arrive as arguments."""

from holdfast.domain.cron.explain import explain, explain_rules
from holdfast.domain.cron.expression import Every, Expression, Rules, Schedule, parse
from holdfast.domain.cron.preview import Preview, Previewed, Warned, preview
from holdfast.domain.cron.walk import between, next_tick, prev_tick

__all__ = [
    "Every", "Expression", "Preview", "Previewed", "Rules", "Schedule", "Warned", "between", "explain",
    "explain_rules", "next_tick", "parse", "prev_tick", "preview",
]  # fmt: skip
