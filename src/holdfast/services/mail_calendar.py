"""The calendar entry of a booking mail (RFC 5546 and 6047): a REQUEST that puts it in or moves it, or a CANCEL."""

from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

from icalendar import Calendar, Event, vCalAddress, vText

FILE_NAME = "booking.ics"
_SEQUENCE_MAX = (1 << 31) - 1


def attach_entry(message: EmailMessage, data: dict[str, Any], *, organizer: str, attendee: str, now: datetime) -> None:
    """Adds the entry to a booking's mail. The same booking has the same UID each time, and a growing SEQUENCE."""
    method = "CANCEL" if data["status"] == "CANCELLED" else "REQUEST"
    message.add_attachment(
        _entry(data, method, organizer=organizer, attendee=attendee, now=now).decode(),
        subtype="calendar", filename=FILE_NAME, params={"method": method},
    )  # fmt: skip


def _entry(data: dict[str, Any], method: str, *, organizer: str, attendee: str, now: datetime) -> bytes:
    start, end = datetime.fromisoformat(data["start"]), datetime.fromisoformat(data["end"])
    calendar = Calendar()
    calendar.add("prodid", "-//Holdfast//Holdfast//EN")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    event = Event()
    event.add("uid", data["booking_id"])
    event.add("sequence", min(data["version"], _SEQUENCE_MAX))
    event.add("dtstamp", now)
    event.add("dtstart", start)
    event.add("dtend", max(end, start + timedelta(minutes=1)))
    event.add("status", data["status"])
    event.add("summary", f"{data['site']}: {data['units']}")
    event.add("location", f"{data['site']}, {data['units']}")
    event.add("description", data["reference"])
    host = vCalAddress(f"mailto:{organizer}")
    host.params["CN"] = vText(data["site"].replace('"', "'"))
    event["organizer"] = host
    guest = vCalAddress(f"mailto:{attendee}")
    # nobody waits for an answer: the booking stands by itself
    guest.params["PARTSTAT"], guest.params["RSVP"] = vText("ACCEPTED"), vText("FALSE")
    event.add("attendee", guest)
    calendar.add_component(event)
    text: bytes = calendar.to_ical()
    return text
