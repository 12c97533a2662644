"""From a queued mail to a finished message: its values spoken, its words chosen, its headers set."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from holdfast.domain.mail import on_one_line, sender_of
from holdfast.domain.spoken_times import spoken_hours, spoken_instant, spoken_interval
from holdfast.services.mail_calendar import attach_entry
from holdfast.services.mail_texts import written
from holdfast.store.mail import Claimed

NAME_CHARS_MAX = 100
REASON_CHARS_MAX = 500
KEPT = timedelta(days=7)
"""A mail that could not be sent for so long is not news any more."""

_EVENTS = {
    "en": {
        "finding.opened": "something needs a look", "finding.closed": "it is over",
        "finding.repaired": "something was put right", "job.given_up": "a job was given up",
        "webhook.test": "a test of alerts by mail",
    },
    "de": {
        "finding.opened": "etwas braucht einen Blick", "finding.closed": "es ist erledigt",
        "finding.repaired": "etwas wurde richtiggestellt", "job.given_up": "ein Auftrag wurde aufgegeben",
        "webhook.test": "eine Probe der Hinweise per Mail",
    },
}  # fmt: skip
_GREETING: Mapping[str, tuple[str, str]] = {
    "en": ("Hello {name},", "Hello,"),
    "de": ("Guten Tag {name},", "Guten Tag,"),
}
_ADDRESS_LIKE = re.compile(r"[:/@\\]|\bwww\.|\w{2}\.\w{2}", re.IGNORECASE)
# some servers take no bytes above 127 on their way
_POLICY = policy.SMTP.clone(cte_type="7bit")


class Outdated(Exception):
    """Nobody would be helped by this mail any more; the message says why."""


class Letterhead(msgspec.Struct, frozen=True):
    """Whom mails come from (`Name <address>` or an address), and under which address the server is reached."""

    sender: str
    public_url: str

    @property
    def address(self) -> str:
        return sender_of(self.sender)[1]

    @property
    def header(self) -> Address:
        name, address = sender_of(self.sender)
        return Address(name, addr_spec=address)


def message_of(mail: Claimed, letterhead: Letterhead) -> EmailMessage:
    """The message; its id is the same at each attempt.

    Raises:
        Outdated: its link, its booking or itself is over.
    """
    _check_age(mail)
    values = values_of(mail, letterhead)
    said = written(mail.kind, mail.language, values, mail.own)
    address = letterhead.address
    message = EmailMessage(policy=_POLICY)
    message["From"] = letterhead.header
    message["To"] = mail.recipient
    message["Subject"] = said.subject
    message["Date"] = format_datetime(mail.now.astimezone(UTC))
    message["Message-ID"] = f"<{mail.id}@{address.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(said.text)
    message.add_alternative(said.html, subtype="html")
    if "booking_id" in mail.data:
        attach_entry(message, mail.data, organizer=address, attendee=mail.recipient, now=mail.now)
    # last: headers of content move into the first part when another one is added
    message["Content-Language"] = mail.language
    return message


def values_of(mail: Claimed, letterhead: Letterhead) -> dict[str, str]:
    """placeholder → what stands for it: one line each, cut where it is too long."""
    data = mail.data
    values = {"recipient": mail.recipient}
    for name in ("site", "name", "organisation", "inviter", "webhook", "reference", "units", "units_before"):
        if name in data:
            values[name] = on_one_line(data[name] or "", NAME_CHARS_MAX)
    # anybody can book in somebody else's name: that field must not become a way to send advertising
    if _ADDRESS_LIKE.search(values.get("name", "")):
        values["name"] = ""
    if "reason" in data:
        values["reason"] = on_one_line(data["reason"] or "", REASON_CHARS_MAX)
    if "link" in data:
        link = data["link"]
        values["link"] = letterhead.public_url + link if link.startswith("/") else link
        values["valid_for"] = spoken_hours(data["valid_hours"], mail.language)
    if "event" in data:
        values["what"] = _EVENTS[mail.language].get(data["event"], data["event"])
        values["about"] = on_one_line(data["about"], REASON_CHARS_MAX)
        values["page"] = letterhead.public_url + data["page"]
    if "booking_id" in data:
        # mails queued by an earlier version know of none
        page = data.get("page")
        values["page"] = letterhead.public_url + page if page else ""
        values |= _spoken(data, mail.language)
        named, nameless = _GREETING[mail.language]
        values["greeting"] = named.format(name=values["name"]) if values["name"] else nameless
    return values


def _spoken(data: dict[str, Any], language: str) -> dict[str, str]:
    zone = ZoneInfo(data["time_zone"])
    start, end = datetime.fromisoformat(data["start"]), datetime.fromisoformat(data["end"])
    values = {
        "when": spoken_interval(start, end, zone, language),
        "from": spoken_instant(start, zone, language),
        "to": spoken_instant(end, zone, language),
    }
    if data.get("start_before") and data.get("end_before"):
        before = datetime.fromisoformat(data["start_before"]), datetime.fromisoformat(data["end_before"])
        values["when_before"] = spoken_interval(*before, zone, language)
    else:
        values["when_before"] = ""
    return values


def _check_age(mail: Claimed) -> None:
    if mail.now > mail.created_at + KEPT:
        raise Outdated(f"not sent within {KEPT.days} days")
    if "link" in mail.data and mail.now > mail.created_at + timedelta(hours=mail.data["valid_hours"]):
        raise Outdated("the link in it is no longer valid")
    if "end" in mail.data and mail.now > datetime.fromisoformat(mail.data["end"]):
        raise Outdated("the booking it tells of is over")
