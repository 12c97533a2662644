"""Decisions about units, blocks and the site itself."""

from typing import Any

import msgspec
from msgspec.structs import replace

from holdfast.domain.blocks import Block
from holdfast.domain.bookings.clock import end_block
from holdfast.domain.bookings.rules import check_length, taken_by
from holdfast.domain.change import encode
from holdfast.domain.commands import AddBlock, AddUnits, ChangeSite, ChangeUnit, NewUnit, RemoveBlock
from holdfast.domain.draft import Draft, unit_ids_of
from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import zone
from holdfast.domain.sites import parse_settings, rules_of
from holdfast.domain.state import SiteState
from holdfast.domain.statuses import block_pieces
from holdfast.domain.units import BLOCK_KINDS, CONDITIONS, HAND_KINDS, UNSERVICEABLE, Unit
from holdfast.domain.wire import block_view, site_view

UNITS_MAX = 5000
NOTE = "note"
"""The attribute of a unit that whoever changes its condition may write."""


def add_block(state: SiteState, command: AddBlock, actor: str) -> Draft:
    """Raises:
    Refusal: `would_hit` with the bookings in the way, `unknown_unit`, `invalid_time`, `invalid_request`.
    """
    check_length(command.start, command.end)
    if command.end <= state.now:
        raise Refusal("in_the_past", now=state.now)
    if command.kind not in HAND_KINDS:
        raise Refusal("invalid_request", field="kind", given=command.kind[:40], possible=list(HAND_KINDS))
    _check_condition(command.return_condition, "return_condition")
    unit_ids = unit_ids_of(state, command.units)
    if not unit_ids:
        raise Refusal("invalid_request", field="units", problem="name at least one unit")
    hit = [claim for unit_id in unit_ids for claim in state.taken(unit_id, command.start, command.end)]
    if hit and not command.allow_conflicts:
        refusal = taken_by(state, hit)
        raise Refusal("would_hit", **refusal.data)
    draft = Draft(state, actor)
    block = Block(
        command.id, unit_ids, command.start, command.end, command.kind, command.reason, command.return_condition,
        actor, state.now, draft.next_version(),
    )  # fmt: skip
    for unit_id in unit_ids:
        draft.claim(block_pieces(state, block, unit_id, after=block.starts_at, before=block.ends_at))
        draft.change.touched[unit_id] = None
    to_replan = tuple(dict.fromkeys(claim.holder_id for claim in hit if claim.kind not in BLOCK_KINDS))
    view = encode(block_view(block, state, to_replan))
    draft.event("block.created", str(block.id), "blocked", b'{"block":' + view + b"}")
    draft.change.blocks_added.append(block)
    draft.change.answer = view
    return draft


def remove_block(state: SiteState, command: RemoveBlock, actor: str) -> Draft:
    """Raises:
    Refusal: `unknown_block`.
    """
    block = state.blocks.get(command.block_id)
    if block is None:
        raise Refusal("unknown_block", block=str(command.block_id))
    draft = Draft(state, actor)
    end_block(draft, block, cause="removed", reason=command.reason)
    draft.change.answer = encode(block_view(block, state))
    return draft


def add_units(state: SiteState, command: AddUnits, actor: str) -> Draft:
    """Raises:
    Refusal: `already_exists` unless updating, `unknown_unit` for a parent, `invalid_request`.
    """
    if not state.policy.has_units:
        raise Refusal("invalid_request", field="units", problem=f"a {state.policy.noun} has no units")
    if not 1 <= len(command.units) <= UNITS_MAX:
        raise Refusal("invalid_request", field="units", problem=f"give 1 to {UNITS_MAX} units")
    draft = Draft(state, actor)
    codes: dict[str, int] = {}
    for new in command.units:
        if new.code in codes:
            raise Refusal("invalid_request", field="code", given=new.code, problem="is given twice")
        known = state.codes.get(new.code)
        if known is not None and not command.update:
            raise Refusal("already_exists", unit=new.code)
        unit_id = _add(draft, new, codes) if known is None else _update(draft, state.units[known], new, codes)
        codes[new.code] = unit_id
    draft.change.answer = encode({"units": list(codes), "added": len(draft.change.new_units)})
    return draft


def _add(draft: Draft, new: NewUnit, codes: dict[str, int]) -> int:
    state = draft.state
    _check_unit(new.code, new.name or new.code, new.category)
    _check_condition(new.condition, "condition")
    unit = Unit(
        id=draft.next_version(),  # versions are unique within a site, so unit ids need no counter of their own
        code=new.code,
        name=new.name or new.code,
        category=new.category,
        parent_id=_parent(state, new.parent, codes),
        condition=new.condition,
        shown_status="",
        shown_since=draft.at,
        wakes_at=None,
        version=0,
        attributes=new.attributes,
    )
    status, _ = state.policy.shown(unit, (), draft.at, state.site)
    unit = replace(unit, shown_status=status)
    draft.unit(unit, "unit.created", "added", _unit_data(unit, new.parent) | {"to": status})
    draft.change.new_units.add(unit.id)
    return unit.id


def _update(draft: Draft, unit: Unit, new: NewUnit, codes: dict[str, int]) -> int:
    _check_unit(new.code, new.name or unit.name, new.category)
    changed = replace(
        unit,
        name=new.name or unit.name,
        category=new.category,
        parent_id=_parent(draft.state, new.parent, codes) if new.parent else unit.parent_id,
        attributes=new.attributes or unit.attributes,
    )
    if changed != unit:
        draft.unit(changed, "unit.changed", "changed", _unit_data(changed, new.parent))
    return unit.id


def change_unit(state: SiteState, command: ChangeUnit, actor: str) -> Draft:
    """Raises:
    Refusal: `unknown_unit`, `version_mismatch`, `not_serviceable` while somebody is in it, `nothing_to_change`.
    """
    (unit_id,) = unit_ids_of(state, (command.code,))
    unit = state.units[unit_id]
    if command.if_version is not None and command.if_version != unit.version:
        raise Refusal("version_mismatch", expected=command.if_version, version=unit.version)
    draft = Draft(state, actor)
    condition = command.condition
    if condition is not msgspec.UNSET and condition != unit.condition:
        _check_condition(condition, "condition")
        if condition in UNSERVICEABLE and any(
            claim.kind == "session" and claim.start <= state.now for claim in state.claims_of(unit_id)
        ):
            raise Refusal("unit_occupied", unit=unit.code)
        data: dict[str, Any] = {"code": unit.code, "from": unit.condition, "to": condition, "reason": command.reason}
        unit = draft.unit(replace(unit, condition=condition), "unit.condition_changed", "condition", data)
    described = _described(state, unit, command)
    if described != unit:
        parent = state.units[described.parent_id].code if described.parent_id is not None else None
        unit = draft.unit(described, "unit.changed", "changed", _unit_data(described, parent))
    if not draft.change.events:
        raise Refusal("nothing_to_change", unit=unit.code)
    draft.change.answer = encode({"code": unit.code, "condition": unit.condition, "version": unit.version})
    return draft


def _described(state: SiteState, unit: Unit, command: ChangeUnit) -> Unit:
    name = unit.name if command.name is msgspec.UNSET else command.name
    category = unit.category if command.category is msgspec.UNSET else command.category
    _check_unit(unit.code, name, category)
    parent_id = unit.parent_id if command.parent is msgspec.UNSET else _parent(state, command.parent, {})
    if parent_id == unit.id:
        raise Refusal("invalid_request", field="parent", problem="a unit cannot be its own parent")
    attributes = unit.attributes if command.attributes is msgspec.UNSET else command.attributes
    if command.note is not msgspec.UNSET:
        attributes = {name: value for name, value in attributes.items() if name != NOTE}
        attributes |= {NOTE: command.note} if command.note else {}
    return replace(unit, name=name, category=category, parent_id=parent_id, attributes=attributes)


def change_site(state: SiteState, command: ChangeSite, actor: str) -> Draft:
    """Raises:
    Refusal: `invalid_settings`, `nothing_to_change`.
    """
    site = state.site
    raw = dict(site.raw_settings)
    for name, value in (command.settings or {}).items():
        if value is None:
            raw.pop(name, None)
        else:
            raw[name] = value
    settings = parse_settings(raw, state.policy.defaults)
    hours, slots, check_in, check_out, cut_off = rules_of(settings)
    name = command.name if command.name is not None else site.name
    if not 1 <= len(name) <= 200:
        raise Refusal("invalid_request", field="name", expected="1 to 200 characters")
    changed = replace(
        site,
        name=name,
        zone=zone(command.time_zone) if command.time_zone is not None else site.zone,
        settings=settings, hours=hours, slots=slots, check_in=check_in, check_out=check_out, cut_off=cut_off,
        raw_settings=raw,
    )  # fmt: skip
    before = (site.name, site.time_zone, site.raw_settings)
    if (changed.name, changed.time_zone, changed.raw_settings) == before:
        raise Refusal("nothing_to_change")
    draft = Draft(state, actor)
    view = encode(site_view(changed, draft.next_version()))
    draft.event("site.changed", site.slug, "changed", b'{"site":' + view + b"}")
    draft.change.site = changed
    draft.change.answer = view
    # every status may read differently under other settings: whoever submits this loads all units of the site
    draft.change.touched.update(dict.fromkeys(state.units))
    for unit_id, unit in state.units.items():
        draft.change.units[unit_id] = unit
    return draft


def _unit_data(unit: Unit, parent: str | None) -> dict[str, Any]:
    return {
        "code": unit.code, "name": unit.name, "category": unit.category, "parent": parent,
        "condition": unit.condition, "attributes": unit.attributes,
    }  # fmt: skip


def _parent(state: SiteState, parent: str | None, codes: dict[str, int]) -> int | None:
    if parent is None:
        return None
    unit_id = codes.get(parent, state.codes.get(parent))
    if unit_id is None:
        raise Refusal("unknown_unit", units=[parent], field="parent")
    return unit_id


def _check_unit(code: str, name: str, category: str) -> None:
    for field, value, limit in (("code", code, 64), ("name", name, 200), ("category", category, 64)):
        if not value.strip() or len(value) > limit or any(ord(letter) < 32 for letter in value):
            raise Refusal(
                "invalid_request", field=field, given=value[:64], expected=f"1 to {limit} printable characters"
            )


def _check_condition(condition: str | None, field: str) -> None:
    if condition is not None and condition not in CONDITIONS:
        raise Refusal("invalid_request", field=field, given=condition[:40], possible=list(CONDITIONS))
