"""Reconciling: suspects are looked at under the lock, what does not follow is put right with its reason, and what
needs judgement is put before a person. Level-triggered: it looks at what is, not at how it came about.

The order matters: what time has made true comes first, then who holds what, then what is shown, then what is odd.
"""

from holdfast.domain.change import Change
from holdfast.domain.commands import Reconcile
from holdfast.domain.reconcile.alarms import put_alarms_right
from holdfast.domain.reconcile.claims import fill_blocks, put_claims_right, remove_strangers
from holdfast.domain.reconcile.discrepancies import judge
from holdfast.domain.reconcile.going import Detail, Going, SiteReport
from holdfast.domain.reconcile.statuses import put_statuses_right
from holdfast.domain.reconcile.times import catch_up_missed, put_live_right
from holdfast.domain.state import SiteState

__all__ = ["Detail", "SiteReport", "reconcile"]


def reconcile(state: SiteState, command: Reconcile, actor: str) -> tuple[list[Change], SiteReport]:
    """Applies to `state` all that the suspects need, and says what it was. The state must hold what the suspects name:
    units with their claims around now, bookings and blocks with their claims and units, all standing findings."""
    going = Going(state, actor, command)
    catch_up_missed(going)
    put_live_right(going)
    put_claims_right(going)
    remove_strangers(going)
    fill_blocks(going)
    put_alarms_right(going)
    put_statuses_right(going)
    judge(going)
    return going.changes, SiteReport(state.site.slug, state.version, tuple(going.details))
