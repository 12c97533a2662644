"""What a site sells by: hours, nights or slots. Decides which question about free time is meant."""

from enum import Enum

from holdfast.domain.policies import policy_of
from holdfast.domain.sites import Site


class Selling(Enum):
    HOURS = "hours"
    NIGHTS = "nights"
    SLOTS = "slots"


def selling(site: Site, date: str | None) -> Selling:
    """Slots where there are any, nights where guests stay over them; a `date` alone asks for slots elsewhere, too,
    and is refused there in so many words."""
    if policy_of(site.kind).overstays:
        return Selling.NIGHTS
    return Selling.SLOTS if site.slots is not None or date is not None else Selling.HOURS
