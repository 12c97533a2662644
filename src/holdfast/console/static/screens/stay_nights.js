/** A stay made longer or shorter by nights, from a panel. */

import { Problem } from "../core/api.js";
import { t } from "../core/i18n.js";
import { toast } from "../ui/toast.js";
import { act, tell } from "./board_acts.js";
import { dateAt } from "./tape_model.js";
import { refusedDialog } from "./stay_conflict.js";
import { guestOf, spanWords } from "./stay_words.js";

/** @param {any} booking @param {string} last the new day of departure */
export async function carryOutNights(booking, last) {
  const first = dateAt(booking.from);
  try {
    await act(booking, "extend", { to: last });
    const undo = () => { act(booking, "extend", { to: booking.to }).catch((/** @type {unknown} */ error) => tell(error, guestOf(booking))); };
    toast(t("hotel.done_move", { who: guestOf(booking), unit: booking.units.join(", "), span: spanWords(first, last) }), { act: { label: t("act.undo"), run: undo } });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.code === "slot_taken") refusedDialog(error, { title: t("hotel.cannot", { who: guestOf(booking), span: spanWords(first, last) }), booking });
    else tell(error, booking.units.join(", "));
  }
}
