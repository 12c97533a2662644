"""What the app needs to send webhooks: endpoints, and their deliveries as jobs."""

import asyncpg

from holdfast.gateways.webhooks import WebhookSender
from holdfast.http.proxies import networks_of
from holdfast.services.jobs.registry import JOBS
from holdfast.services.sealing import Sealing
from holdfast.services.webhook_delivery import WebhookDelivery, register
from holdfast.services.webhooks import WebhookRules, Webhooks
from holdfast.settings import Settings


def make_webhooks(settings: Settings, pool: asyncpg.Pool, sealing: Sealing) -> WebhookDelivery:
    """Endpoints as the operator allows them."""
    register(JOBS)
    rules = WebhookRules(settings.webhook_http, settings.webhook_pause_days)
    sender = WebhookSender(
        allowed=networks_of(settings.webhook_networks or ""), within_s=settings.webhook_timeout_s
    )  # fmt: skip
    return WebhookDelivery(Webhooks(pool, sealing, rules), sender, JOBS)
