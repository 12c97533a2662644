/** Segments of customers as they look: a tone, an icon and a word, the same on every screen. */

import { t } from "../core/i18n.js";
import { tag } from "../ui/status.js";

/** In the order in which they are told. @type {Record<string, [tone: string, icon: string]>} */
export const SEGMENTS = { loyal: ["free", "sparkle"], active: ["busy", "check-circle"], new: ["accent", "plus"], one_time: ["off", "minus"], at_risk: ["soon", "warning"], lost: ["bad", "eye-off"] };

/** @param {string} segment */
export function segmentTag(segment) {
  const [tone, name] = SEGMENTS[segment] ?? ["off", "question"];
  return tag(tone, name, t(`customers.segment_${segment}`));
}
