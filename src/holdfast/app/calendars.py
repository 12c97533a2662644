"""What the app needs to follow calendars from outside."""

import asyncpg

from holdfast.gateways.calendar_source import CalendarSource
from holdfast.http.proxies import networks_of
from holdfast.services.calendar_feeds import CalendarFeeds
from holdfast.services.calendar_following import Following, register
from holdfast.services.desk import Desk
from holdfast.services.jobs.registry import JOBS
from holdfast.services.sealing import Sealing
from holdfast.services.sites import Sites
from holdfast.settings import Settings


def make_calendars(settings: Settings, pool: asyncpg.Pool, sites: Sites, desk: Desk, sealing: Sealing) -> Following:
    """Calendars as the operator allows them."""
    register(JOBS)
    feeds = CalendarFeeds(pool, sealing, http=settings.calendar_http)
    allowed = networks_of(settings.calendar_networks or "")
    return Following(feeds, sites, desk, CalendarSource(allowed=allowed, http=settings.calendar_http))
