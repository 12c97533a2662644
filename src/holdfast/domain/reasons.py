"""Why a shown status was wrong, in words a person at the desk understands. Prose of repairs; decides nothing."""

from holdfast.domain.policies.base import Policy

OUT_OF_USE = "A block or its condition takes it out of use"
AS_STAFF_SAY = "Its condition says so"


def reason_of(policy: Policy, recorded: str, derived: str, holder: str | None) -> str:
    """One sentence on why `recorded` is repaired to `derived`; `holder` is the reference of the booking behind the
    derived status, None when there is none.

    A booking that is there explains more than one that is not; after that comes what the wrong word had claimed.
    """
    if holder is not None and derived in policy.backed_by:
        return policy.backed_by[derived].format(holder=holder)
    if recorded in policy.nothing_behind:
        return policy.nothing_behind[recorded]
    return OUT_OF_USE if derived in policy.out_of_use else AS_STAFF_SAY
