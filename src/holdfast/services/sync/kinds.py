"""The kinds of connection there are: what each is told openly, what it keeps secret, what it brings."""

from collections.abc import Callable
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import zone
from holdfast.domain.sites import Site
from holdfast.domain.sync.mapping import Mapped, check_mapping
from holdfast.gateways.shops import google, meta, shopify
from holdfast.gateways.shops.http import Client, Outside, Rate
from holdfast.gateways.shops.resources import Extracted, resource_named
from holdfast.gateways.shops.rest import Rest, RestConfig
from holdfast.gateways.shops.source import Source, SourceError

Address = Annotated[str, Meta(max_length=500, pattern="^https?://[^ ]+$")]
Text = Annotated[str, Meta(max_length=4_000)]
Stream = Literal["orders", "ads"]


class ShopifyConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`address` is the shop's, such as https://example.myshopify.com. `api_version` is for when the one that this
    program asks by is no more, or one is wanted that is newer."""

    address: Address
    api_version: Annotated[str, Meta(pattern="^[0-9]{4}-[0-9]{2}$")] | None = None
    page_rows: Annotated[int, Meta(ge=5, le=250)] = 250


class ShopifySecret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`webhook_secret` signs its webhooks; without one none are taken."""

    access_token: Text
    webhook_secret: Text | None = None


class MetaConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`account` is the ad account's number; its days are those of `time_zone`, else of the store's. `api_version` as
    with Shopify."""

    account: Annotated[str, Meta(pattern="^(act_)?[0-9]{1,30}$")]
    address: Address = "https://graph.facebook.com"
    time_zone: Text | None = None
    api_version: Annotated[str, Meta(pattern="^v[0-9]{1,3}[.][0-9]$")] | None = None


class TokenSecret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    access_token: Text


class GoogleConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`customer` is the account's number; its days are those of `time_zone`, else of the store's. `api_version` as with
    Shopify."""

    customer: Annotated[str, Meta(pattern="^[0-9-]{1,20}$")]
    login_customer: Annotated[str, Meta(pattern="^[0-9-]{1,20}$")] | None = None
    address: Address = "https://googleads.googleapis.com"
    token_url: Address = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address, no secret
    time_zone: Text | None = None
    api_version: Annotated[str, Meta(pattern="^v[0-9]{1,3}$")] | None = None


class OptionalTokenSecret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    access_token: Text | None = None


class UploadConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the files hold, and what their columns mean."""

    stream: Stream = "orders"
    mapping: Mapped = Mapped()


class ResourceConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`resource` is a name that another package offers under the entry point group `holdfast.resources`."""

    resource: Annotated[str, Meta(min_length=1, max_length=100)]
    stream: Stream = "orders"
    mapping: Mapped = Mapped()


class NoSecret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing."""


class Kind(msgspec.Struct, frozen=True):
    """One kind of connection. `open` makes its source of the site, the config and the secret."""

    config: type[Any]
    secret: type[Any]
    needs_secret: bool
    open: Callable[[Outside, Site, Any, Any], Source]


def _shopify(outside: Outside, site: Site, config: ShopifyConfig, secret: ShopifySecret) -> Source:
    rate = Rate(f"shopify {config.address.rstrip('/')}", shopify.BURST, shopify.PER_S)
    client = Client(outside, rate, headers={"x-shopify-access-token": secret.access_token})
    return shopify.Shopify(client, config.address, rows_max=config.page_rows, api_version=config.api_version)


def _meta(outside: Outside, site: Site, config: MetaConfig, secret: TokenSecret) -> Source:
    rate = Rate(f"meta {config.account.removeprefix('act_')}", meta.BURST, meta.PER_S)
    client = Client(outside, rate, headers={"authorization": f"Bearer {secret.access_token}"})
    return meta.MetaAds(
        client, config.address, config.account, _zone(site, config.time_zone), api_version=config.api_version
    )  # fmt: skip


def _google(outside: Outside, site: Site, config: GoogleConfig, secret: google.Secrets) -> Source:
    client = Client(outside, Rate(f"google {config.customer}", google.BURST, google.PER_S))
    return google.GoogleAds(
        client, config.address, config.customer, _zone(site, config.time_zone), secrets=secret,
        token_url=config.token_url, login_customer=config.login_customer, api_version=config.api_version,
    )  # fmt: skip


def _rest(outside: Outside, site: Site, config: RestConfig, secret: OptionalTokenSecret | None) -> Source:
    headers = {}
    if secret is not None and secret.access_token is not None:
        headers[config.auth_header] = config.auth_prefix + secret.access_token
    return Rest(Client(outside, Rate(f"rest {config.url}", config.burst, config.per_s), headers=headers), config)


def _upload(outside: Outside, site: Site, config: UploadConfig, secret: NoSecret | None) -> Source:
    raise SourceError("its file has gone with the process that read it; hand it in again")


def _resource(outside: Outside, site: Site, config: ResourceConfig, secret: NoSecret | None) -> Source:
    return Extracted(resource_named(config.resource), config.stream, config.mapping)


KINDS: dict[str, Kind] = {
    "shopify": Kind(ShopifyConfig, ShopifySecret, True, _shopify),
    "meta_ads": Kind(MetaConfig, TokenSecret, True, _meta),
    "google_ads": Kind(GoogleConfig, google.Secrets, True, _google),
    "rest": Kind(RestConfig, OptionalTokenSecret, False, _rest),
    "upload": Kind(UploadConfig, NoSecret, False, _upload),
    "resource": Kind(ResourceConfig, NoSecret, False, _resource),
}


GLANCED_AT = ("shopify",)
"""Kinds whose sources can say with one question that there is nothing."""


def kind_of(name: str) -> Kind:
    """Raises:
    Refusal: `invalid_request`, naming the kinds there are.
    """
    if name not in KINDS:
        raise Refusal("invalid_request", field="kind", given=name[:40], possible=sorted(KINDS))
    return KINDS[name]


def read_config(kind: str, given: object) -> Any:
    """What a connection of that kind is told, checked.

    Raises:
        Refusal: `invalid_request`, naming what is wrong with it.
    """
    config = _converted(given, kind_of(kind).config, "config")
    if hasattr(config, "mapping"):
        check_mapping(config.mapping, config.stream)
    if getattr(config, "time_zone", None) is not None:
        zone(config.time_zone)
    return config


def read_secret(kind: str, given: object) -> Any:
    """Raises:
    Refusal: `invalid_request`, naming what is wrong with it, never showing it.
    """
    return _converted(given, kind_of(kind).secret, "secret")


def streams_of(kind: str, config: Any) -> tuple[str, ...]:
    """What a connection brings."""
    fixed = {"shopify": ("orders",), "meta_ads": ("ads",), "google_ads": ("ads",)}
    return fixed.get(kind) or (config.stream,)


def _zone(site: Site, named: str | None) -> ZoneInfo:
    return site.zone if named is None else zone(named)


def _converted(given: object, wanted: type[Any], field: str) -> Any:
    try:
        return msgspec.convert(given, wanted)
    except msgspec.ValidationError as error:
        raise Refusal("invalid_request", field=field, problem=str(error)) from None
