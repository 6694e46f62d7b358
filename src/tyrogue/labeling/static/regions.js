/** Many texts at once: a region of the map gets one label, or comes next. */

import { plural } from "./format.js";
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
  if (told.new.length) session.deck.queue(session.newToken(), told.new);
  await session.refill();
  return told;
}

/**
 * Takes texts out of the queue again; what was decided about them since stays. Sent after the undos before it, which may
 * be what leaves a text undecided.
 * @param {import("./session.js").Session} session
 * @param {import("./deck.js").Decision} last
 */
export async function withdraw(session, last) {
  try {
    const { rows } = await session.outbox.push(last.token, "withdraw", { rows: last.queued });
    if (session.deck.forget(rows)) session.show(true);
    const words = rows.length ? `${plural(rows.length, "text")} taken out of the queue again.` : "Nothing to take out of the queue: all was decided.";
    session.say(words);
    session.tell("undone", { token: last.token });
    session.tell("journal");
    await session.refill();
  } catch (error) {
    session.deck.decisions.push(last);
    session.say(error.message);
  }
}
