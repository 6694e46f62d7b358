/** Many texts at once: a region of the map gets one label, or comes next. */

import { regionDelta } from "./tally.js";

/**
 * Gives many texts one label: sent in the order of all decisions, taken back as one.
 * @param {import("./session.js").Session} session
 * @param {number[]} rows
 * @param {number} classId
 * @returns {Promise<{rows: number[], left_out: {audit: number, decided: number}}>} rejects when the server refuses
 */
export async function labelRegion(session, rows, classId) {
  if (session.waiting || session.paused || session.locked) throw new Error("Not now: something else is being decided.");
  const token = session.newToken();
  session.deck.together(token, classId, rows.length);
  session.tally.add(token, regionDelta(classId, rows.length));
  session.tell("state");
  try {
    const told = await session.outbox.push(token, "region", { token, rows, class_id: classId });
    session.deck.settle(token, told.rows.length);
    session.tally.add(token, regionDelta(classId, told.rows.length));
    session.tally.heard(token, session.now());
    if (session.deck.forget(told.rows)) session.show(true);
    session.tell("journal");
    session.refill();
    return told;
  } catch (error) {
    session.deck.refuse(token);
    session.tally.drop(token);
    session.tell("state");
    throw error;
  }
}

/** Puts texts first in the queue; the one on screen stays. @param {import("./session.js").Session} session @param {number[]} rows */
export async function queueRows(session, rows) {
  const told = await session.api.queueRows(rows);
  await session.refill();
  return told;
}
