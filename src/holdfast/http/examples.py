"""Examples of request bodies, by operation: shown in the documentation, filled into its form."""

from typing import Any

_GUEST = {"name": "Ann Lee", "email": "ann@example.org"}

EXAMPLES: dict[str, dict[str, Any]] = {
    "create_site": {
        "cafe": {"value": {"kind": "cafe", "name": "Main Street", "time_zone": "Europe/Berlin"}},
        "hotel": {
            "value": {
                "kind": "hotel", "name": "Sea View", "time_zone": "Asia/Kolkata", "settings": {"check_in": "14:00"},
            }
        },
        "grounds": {
            "value": {
                "kind": "grounds", "name": "Campus", "time_zone": "Asia/Kolkata",
                "settings": {"slots": {"first": "08:00", "minutes": 60, "count": 11}},
            }
        },
    },
    "change_site": {"grace": {"value": {"settings": {"no_show_grace_minutes": 20}}}},
    "add_units": {
        "pcs": {"value": {"units": [{"code": "PC01", "category": "pc"}, {"code": "PC02", "category": "pc"}]}}
    },
    "change_unit": {"dirty": {"value": {"condition": "dirty", "reason": "spilled tea"}}},
    "create_booking": {
        "hours": {"value": {"unit": "PC01", "from": "2027-03-08T18:00", "to": "2027-03-08T20:00", "customer": _GUEST}},
        "party": {"value": {"category": "pc", "count": 3, "from": "2027-03-08T18:00", "to": "2027-03-08T20:00"}},
        "nights": {"value": {"category": "double", "date": "2027-03-08", "nights": 2, "customer": _GUEST}},
        "slot": {"value": {"unit": "G1", "date": "2027-03-08", "slot": "9-10 AM", "customer": _GUEST}},
        "walk_in": {"value": {"category": "pc", "walk_in": True}},
        "weekly": {
            "value": {
                "unit": "PC01", "from": "2027-03-08T18:00", "to": "2027-03-08T20:00",
                "recurrence": {"rule": "FREQ=WEEKLY;COUNT=10", "mode": "skip"},
            }
        },
    },
    "act_on_booking": {
        "cancel": {"value": {"reason": "the guest is ill"}},
        "extend": {"value": {"minutes": 30}},
        "move": {"value": {"from": "2027-03-08T19:00", "unit": "PC02"}},
    },
    "act_on_series": {"cancel": {"value": {"scope": "all", "reason": "the course is over"}}},
    "check": {
        "booking": {"value": {"unit": "PC01", "from": "2027-03-08T18:00", "to": "2027-03-08T20:00"}},
        "act": {"value": {"booking": "01946fd6-7a3f-7cc0-9c1b-3f0d8a5b2c11", "act": "extend", "minutes": 30}},
    },
    "preview_series": {
        "weekly": {
            "value": {
                "unit": "PC01", "from": "2027-03-08T18:00", "to": "2027-03-08T20:00",
                "recurrence": {"rule": "FREQ=WEEKLY;COUNT=10"},
            }
        }
    },
    "former_create_booking": {
        "slot": {
            "value": {
                "game": "Volleyball", "ground": "Ground 1", "date": "2027-03-08", "time": "9-10 AM", "name": "Ann Lee",
                "email": "ann@example.org", "rollNumber": "21CS001", "branch": "CS", "year": "3",
                "teamMembers": ["Ben", "Chloe"], "reason": "practice",
            }
        }
    },
    "former_act_on_booking": {"reject": {"value": {"reason": "the ground is needed for the finals"}}},
    "create_block": {
        "repair": {
            "value": {"units": ["PC01"], "from": "2027-03-09T08:00", "to": "2027-03-09T12:00", "reason": "new fan"}
        }
    },
}  # fmt: skip
