"""The settings of the server and of a site."""

# ruff: noqa: E501 - the text is prose
from collections.abc import Mapping

from generating.text import code, page, same_names, table
from holdfast.domain.policies import kinds, policy_of
from holdfast.domain.sites import LIMITS, SiteSettings, parse_settings
from holdfast.settings import Settings

PLATFORM_FOLDER = "the platform's data folder"

SITE_SETTINGS: Mapping[str, tuple[str, str]] = {
    # name → (unit, meaning)
    "grid_minutes": (
        "min",
        "bookings start and end on whole multiples of this on the local clock; 0 allows any minute",
    ),
    "slots": ("rule", "fixed slots of a day: equal ones in a row, or a list of named ones; null for none"),
    "hours": ("rule", "opening hours by weekday, exceptions by date; empty means always open"),
    "look_ahead": (
        "min, or word",
        "how long before a start its unit shows as reserved; hotels also take `today` and `any`",
    ),
    "no_show_grace_minutes": ("min", "café: how long after its start a booking waits for its guest"),
    "auto_start": ("yes/no", "café: bookings start by themselves at their start; then there are no no-shows"),
    "start_code": (
        "yes/no",
        "bookings get a six-digit code, told once in the answer, that `start` and `check-in` ask for",
    ),
    "buffer_minutes": ("min", "clean-up time kept free behind each booking; it goes when the booking's claim goes"),
    "length_min_minutes": ("min", "shortest booking; 0 for no limit"),
    "length_max_minutes": ("min", "longest booking; 0 for no limit but 366 days"),
    "notice_minutes": ("min", "how long before its start a booking must be made; walk-ins are not bound"),
    "horizon_days": ("days", "how far ahead a booking may start; 0 means ten years"),
    "quota_per_person": (
        "bookings",
        "most live bookings of one customer (by e-mail, else reference, else phone); 0 for no limit",
    ),
    "walk_in_hours_max": ("h", "how long an open-ended walk-in claims its unit when no other claim comes before"),
    "hold_s_max": ("s", "longest hold"),
    "check_in": ("HH:MM", "hotel: local hour at which a stay given by dates begins"),
    "check_out": ("HH:MM", "hotel: local hour at which a stay given by dates ends"),
    "cut_off": ("HH:MM", "hotel: when its day changes; arrivals not there by the next one are no-shows"),
    "show_clean": ("yes/no", "hotel: clean and inspected rooms show CLEAN instead of AVAILABLE"),
    "late_check_out_minutes": ("min", "hotel: how long after the time to leave a guest who is there is a discrepancy"),
    "late_arrival_minutes": (
        "min",
        "hotel: how long after the time of arrival a guest who is not there is a discrepancy; 0 for never",
    ),
    "observation_minutes": ("min", "how long what agents and staff saw counts when they do not say"),
    "currency": ("code", "store: what lifetime value is counted in; orders in another currency need a rate"),
    "auto_end_idle_minutes": (
        "min",
        "café: a session ends by itself after nobody was seen in its only unit for so long; 0 leaves that to people",
    ),
    "language": ("word", "en or de: the language of mails to those whose own nobody knows"),
    "booking_page": (
        "word",
        "who may see what is free and book by themselves: `off` nobody, `accounts` people with an account, `guests` "
        "everybody",
    ),
    "sign_up": ("yes/no", "whether customers may make accounts of their own"),
    "sign_up_domains": ("domains", "mail domains whose people may sign up; none means all"),
    "profile_fields": (
        "list",
        "what is asked of customers: `name`, `label`, `required`, `is_reference`, `choices`, `chars_max`",
    ),
    "team_max": (
        "people",
        "how many people `details.team` may name beside the booker; 0 keeps whatever is sent of them as it came",
    ),
    "mail_bookings": ("yes/no", "whether customers are told by mail what becomes of their bookings"),
    "mail_texts": ("texts", "the owner's own words in mails, by kind and language; see the guide on mail"),
}


def settings_page() -> str:
    lines = ["# Settings", "", "## Of the server", ""]
    lines += [
        "Weakest first: default, TOML file (`holdfast.toml` in the working folder, or the file that `--config` or",
        "`HOLDFAST_CONFIG` names), `HOLDFAST_…` variable, flag. An unknown name is an error that names the nearest known",
        "one. `holdfast settings` prints each value with its source; secrets are hidden.",
        "",
    ]
    rows = []
    for line in Settings().describe():
        default = PLATFORM_FOLDER if line.name == "data" else line.value
        rows.append(
            (
                f"`{line.name}`",
                f"`{line.variable}`",
                f"`{default}`" if line.name != "data" else default,
                line.unit,
                line.meaning,
            )
        )
    lines += table(("setting", "variable", "default", "unit", "meaning"), rows)
    lines += [
        "",
        "The data folder is `/var/lib/holdfast` for root (PostgreSQL refuses to run as root, and its own user could not enter",
        "root's home), `$XDG_DATA_HOME/holdfast` where that is set, else `~/.local/share/holdfast`, on macOS",
        "`~/Library/Application Support/holdfast`.",
        "",
        "## Of a site",
        "",
        "Set with `POST /api/sites` and `PATCH /api/sites/{site}`; a value of null goes back to the default. All of them have",
        "defaults, some by kind of site. Times are on the site's own clock.",
        "",
    ]
    same_names(SITE_SETTINGS, SiteSettings.__struct_fields__, "site settings")
    by_kind = {kind: parse_settings({}, policy_of(kind).defaults) for kind in kinds()}
    rows = []
    for name, (unit, meaning) in SITE_SETTINGS.items():
        bounds = "{} to {}".format(*LIMITS[name]) if name in LIMITS else ""
        rows.append((f"`{name}`", *(code(getattr(found, name)) for found in by_kind.values()), bounds, unit, meaning))
    lines += table(("setting", *by_kind, "bounds", "unit", "meaning"), rows)
    lines += [
        "",
        '`hours` is written as `{"mon": [["10:00", "23:00"]], "sat": [["10:00", "02:00"]], "2027-12-25": []}`. A span',
        "that ends before it starts runs into the next date; a date replaces its weekday; weekdays left out are closed.",
        "",
        '`slots` is written as `{"first": "08:00", "minutes": 60, "count": 11}` or as',
        '`[{"name": "Morning", "from": "08:00", "to": "12:00"}]`.',
    ]
    return page(lines)
