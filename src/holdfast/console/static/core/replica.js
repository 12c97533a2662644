/**
 * A site as a snapshot and the events behind it tell it: what a later snapshot would hold. Values are the server's own
 * JSON. With `unit` only what is about that unit is kept. It asks nothing and waits for nothing.
 */

const ENDING = new Set(["completed", "cancelled", "no_show", "expired", "rejected"].map((cause) => `booking.${cause}`));
const ENDED = new Set(["completed", "cancelled", "noshow", "expired", "rejected", "checkedout"]);

/** @type {Map<string, boolean>} */ const ending = new Map();

/** @param {string} state as its policy says it */
function isOver(state) {
  let found = ending.get(state);
  if (found === undefined) {
    found = ENDED.has(state.toLowerCase().replace(/[^a-z]/g, ""));
    ending.set(state, found);
  }
  return found;
}

/** Whether a booking holds its units. @param {any} booking */
export const holds = (booking) => booking.ended_at === null && !isOver(booking.state);

/** @param {any} told @returns {Set<string>} */
export const unitsOf = (told) => new Set([...told.units, ...(told.parts ?? []).map((/** @type {any} */ part) => part.unit)]);

/** When a booking is in a unit: all its time, or the parts of it that are spent there, in their order.
 * @param {any} booking @param {string} code @returns {{from: number, to: number}[]} */
function stretchesIn(booking, code) {
  const parts = (booking.parts ?? []).filter((/** @type {any} */ part) => part.unit === code);
  const told = parts.length > 0 ? parts : [booking];
  return told.map((/** @type {any} */ part) => ({ from: Date.parse(part.from), to: Date.parse(part.to) }))
    .sort((/** @type {{from: number}} */ a, /** @type {{from: number}} */ b) => a.from - b.from);
}

/** When it came to the unit, or will next; of one that should be over, when it came last.
 * @param {any} booking @param {string} code @param {number} now */
function comesAt(booking, code, now) {
  const stretches = stretchesIn(booking, code);
  return (stretches.find(({ to }) => to > now) ?? stretches[stretches.length - 1]).from;
}

export class Replica {
  site = "";
  epoch = "";
  version = 0;
  start = 0;
  end = 0;
  #heardAt = 0;
  /** @type {Map<string, any>} */ bookings = new Map();
  /** @type {Map<string, any>} */ blocks = new Map();
  /** @type {Map<string, any>} */ units = new Map();
  /** A unit's code → the ids of the bookings that name it. @type {Map<string, Set<string>>} */ #naming = new Map();

  /** @param {any} board @param {string | null} unit */
  constructor(board, unit = null) {
    this.unit = unit;
    this.take(board);
  }

  /** Begins anew with a snapshot. @param {any} board */
  take(board) {
    this.site = board.site;
    this.epoch = board.epoch;
    this.version = board.version;
    this.start = Date.parse(board.from);
    this.end = Date.parse(board.to);
    this.#heardAt = Date.parse(board.now);
    const own = board.bookings.filter((/** @type {any} */ one) => this.#concerns(one));
    this.bookings = new Map();
    this.#naming = new Map();
    for (const one of own) this.#putBooking(one);
    const blocks = board.blocks.filter((/** @type {any} */ one) => this.#concerns(one));
    this.blocks = new Map(blocks.map((/** @type {any} */ one) => [one.id, one]));
    this.units = new Map();
    for (const { next_booking_at: _, ...unit } of board.units) {
      if (this.unit === null || this.unit === unit.code) this.#putUnit(unit);
    }
  }

  /** Takes the next event in. @param {import("./stream.js").JournalEvent} event */
  hear(event) {
    this.version = event.version;
    this.#heardAt = Math.max(this.#heardAt, Date.parse(event.at));
    if (event.type.startsWith("booking.")) this.#hearBooking(event);
    else if (event.type.startsWith("unit.")) this.#hearUnit(event);
    else if (event.type === "block.created") {
      const { block } = event.data;
      if (this.#concerns(block) && Date.parse(block.from) < this.end && Date.parse(block.to) > this.start) {
        this.blocks.set(block.id, block);
      }
    } else if (event.type === "block.removed") this.blocks.delete(event.data.id);
  }

  /** The live bookings that are in a unit or are yet to be, in the order in which they come to it; those that have left
   * it for another one are not. @param {string} code */
  bookingsOf(code) {
    const own = [...(this.#naming.get(code) ?? [])].map((id) => this.bookings.get(id)).filter(holds);
    return own.sort((a, b) => comesAt(a, code, this.#heardAt) - comesAt(b, code, this.#heardAt));
  }

  /** When a unit's next booking starts, as far as the window goes; null when none does.
   * @param {string} code @param {number} now milliseconds, of the server's clock */
  nextBookingAt(code, now) {
    const ahead = this.bookingsOf(code).filter((one) => !one.expires_at || Date.parse(one.expires_at) > now);
    const starts = ahead.flatMap((one) => stretchesIn(one, code).map(({ from }) => from)).filter((from) => from > now);
    return starts.length > 0 ? Math.min(...starts) : null;
  }

  /** @param {import("./stream.js").JournalEvent} event */
  #hearBooking(event) {
    const { booking } = event.data;
    const before = this.bookings.get(booking.id);
    if (this.#concerns(booking) && this.#isInView(booking, !ENDING.has(event.type))) this.#putBooking(booking);
    else this.#dropBooking(booking.id);
    for (const code of new Set([...unitsOf(booking), ...(before === undefined ? [] : unitsOf(before))])) {
      if (this.units.has(code)) this.#putUnit(this.units.get(code));
    }
  }

  /** @param {any} booking */
  #putBooking(booking) {
    for (const code of this.bookings.get(booking.id)?.units ?? []) if (!booking.units.includes(code)) this.#naming.get(code)?.delete(booking.id);
    this.bookings.set(booking.id, booking);
    for (const code of booking.units) {
      const naming = this.#naming.get(code);
      if (naming === undefined) this.#naming.set(code, new Set([booking.id]));
      else naming.add(booking.id);
    }
  }

  /** @param {string} id */
  #dropBooking(id) {
    for (const code of this.bookings.get(id)?.units ?? []) this.#naming.get(code)?.delete(id);
    this.bookings.delete(id);
  }

  /** @param {import("./stream.js").JournalEvent} event */
  #hearUnit({ type, data, version, effective_at: since }) {
    if (this.unit !== null && this.unit !== data.code) return;
    let unit = { ...(this.units.get(data.code) ?? { code: data.code, booking: null }), version };
    if (type === "unit.created" || type === "unit.changed") {
      const { attributes: _, ...rest } = unit;
      unit = { ...rest, name: data.name, category: data.category, parent: data.parent };
      if (Object.keys(data.attributes ?? {}).length > 0) unit.attributes = data.attributes;
    }
    if (type === "unit.created") unit = { ...unit, condition: data.condition, shown_status: data.to, shown_since: since };
    if (type === "unit.condition_changed") unit.condition = data.to;
    if (type === "unit.status_changed" || type === "unit.status_repaired") {
      unit = { ...unit, shown_status: data.to, shown_since: since, booking: data.booking ?? null };
    }
    this.#putUnit(unit);
  }

  /** Keeps a unit with the booking behind its status now: another one may have come behind the same word, and then no
   * event says so. @param {any} unit */
  #putUnit(unit) {
    let { booking } = unit;
    if (booking !== null) {
      const own = this.bookingsOf(unit.code);
      booking = (own.find((one) => this.#isHere(one, unit.code)) ?? own[0])?.id ?? booking;
    }
    this.units.set(unit.code, { ...unit, booking });
  }

  /** Whether its people are in the unit, and not in another one before they come to this one.
   * @param {any} booking @param {string} code */
  #isHere(booking, code) {
    return booking.started_at !== null && comesAt(booking, code, this.#heardAt) <= this.#heardAt;
  }

  /** @param {any} told */
  #concerns(told) {
    return this.unit === null || unitsOf(told).has(this.unit);
  }

  /** Whether a snapshot of the same window would hold it. @param {any} booking @param {boolean} isLive */
  #isInView(booking, isLive) {
    const [from, to] = [Date.parse(booking.from), Date.parse(booking.to)];
    if (this.start <= from && from < this.end) return true;
    const isThere = booking.started_at !== null && booking.ended_at === null;
    return from < this.end && isLive && holds(booking) && (to > this.start || isThere);
  }
}
