"""A client for programs: commands that happen once however often they are sent, and a site followed as it changes.

async with Holdfast("http://127.0.0.1:8765", token=...) as house:
    site = house.site("demo-cafe")
    booking = await site.book(unit="PC01", start="2027-03-08T18:00", end="2027-03-08T20:00")
    async with site.live() as live:
        async for change in live:
            print(live.version, live.units["PC01"]["shown_status"])

Needs httpx and nothing else of Holdfast: the folder can be copied as it is.
"""

from holdfast.client.asking import Answer, Patience
from holdfast.client.errors import Broken, Gap, HoldfastError, NoAnswer, Refused
from holdfast.client.events import Event, Places, Position, Reset
from holdfast.client.house import Holdfast, Site
from holdfast.client.live import Live, LiveSites
from holdfast.client.replica import Change, Replica
from holdfast.client.stream import SitesStream, Stream

__all__ = [
    "Answer", "Broken", "Change", "Event", "Gap", "Holdfast", "HoldfastError", "Live", "LiveSites", "NoAnswer",
    "Patience", "Places", "Position", "Refused", "Replica", "Reset", "Site", "SitesStream", "Stream",
]  # fmt: skip
