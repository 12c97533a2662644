"""The places and people of the demo, as plain values."""

from holdfast.domain.commands import NewUnit
from holdfast.services.requests import SiteRequest

CAFE = SiteRequest("cafe", "Pixelwerk Gaming Café", "Europe/Berlin", "demo-cafe", {"no_show_grace_minutes": 20})
HOTEL = SiteRequest("hotel", "Hotel Miradouro", "Europe/Lisbon", "demo-hotel", {})
GROUNDS = SiteRequest("grounds", "Riverside Sports Ground", "Asia/Kolkata", "demo-grounds", {"team_max": 10})

_ROOMS = (("Arena", range(1, 11)), ("Lounge", range(11, 17)), ("Loft", range(17, 21)))
_CONSOLES = (("PS5-1", "Lounge"), ("PS5-2", "Lounge"), ("XBOX-1", "Loft"), ("SWITCH-1", "Loft"))

CAFE_UNITS = (
    *(NewUnit(room, "room") for room, _ in _ROOMS),
    *(NewUnit(f"PC{n:02}", "pc", parent=room) for room, numbers in _ROOMS for n in numbers),
    *(NewUnit(code, "console", parent=room) for code, room in _CONSOLES),
)

HOTEL_UNITS = tuple(
    NewUnit(f"{floor}{n:02}", category, f"Room {floor}{n:02}", condition="clean")
    for floor, categories in (
        (1, ("single",) * 4 + ("double",) * 4),
        (2, ("double",) * 8),
        (3, ("double",) * 2 + ("suite",) * 6),
    )
    for n, category in enumerate(categories, start=1)
)

GROUNDS_UNITS = (
    NewUnit("North", "football", "North pitch"),
    NewUnit("South", "football", "South pitch"),
    NewUnit("East", "cricket", "East nets"),
    NewUnit("Hall", "hall", "Sports hall"),
)

PEOPLE = (
    "Ada Brandt", "Jonas Keller", "Mina Yilmaz", "Leo Hoffmann", "Sara Novak", "Tim Albrecht", "Nora Lindqvist",
    "Ben Okafor", "Lina Petersen", "Paul Richter", "Emma Santos", "Noah Fischer", "Yuki Tanaka", "Maria Almeida",
    "Pedro Costa", "Ines Ferreira", "Hugo Martin", "Clara Rossi", "Anton Weber", "Zoe Dubois", "Karl Jensen",
    "Olga Ivanova", "Samuel Green", "Laura Moreno", "Victor Hansen", "Alice Moreau", "David Cohen", "Priya Sharma",
    "Arjun Mehta", "Kavya Nair", "Rohan Gupta", "Ananya Iyer",
)  # fmt: skip
