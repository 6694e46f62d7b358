/**
 * Second looks: what the review corrects and what settles a disagreement. They go the way of every decision: sent in the
 * order in which they were made, kept until the server has them, taken back by Backspace.
 *
 * @import {Session} from "./session.js"
 * @import {Delta} from "./tally.js"
 * @typedef {{token: string, answer: Promise<any>}} Sent the answer rejects when the server refuses
 */

const NOTHING = Object.freeze({ labeled: 0, skipped: 0, flagged: 0, answered: 0, classes: {} });

/**
 * Looks again at a label; the answer is the label as GET /api/review lists it.
 * @param {Session} session
 * @param {number} row
 * @param {{action: "label"|"flag"|"note", class_id?: number, note?: string}} body
 * @param {number|null} was the class that counted until now
 * @returns {Sent}
 */
export function secondLook(session, row, body, was) {
  const token = begin(session);
  // A note answers nothing, and undo takes none back.
  if (body.action !== "note") remember(session, token, body.action, body.class_id ?? null, change(body, was));
  return { token, answer: send(session, token, "review", { token, row, ...body }) };
}

/**
 * Settles which label of a text counts.
 * @param {Session} session
 * @param {number} row
 * @param {number} classId
 * @returns {Sent}
 */
export function adjudicate(session, row, classId) {
  const token = begin(session);
  remember(session, token, "label", classId, NOTHING);
  return { token, answer: send(session, token, "adjudication", { token, row, class_id: classId }) };
}

/** @param {Session} session */
function begin(session) {
  if (session.waiting || session.paused || session.locked) throw new Error("Not now: something else is being decided.");
  return session.newToken();
}

/** @returns {Delta} */
function change({ action, class_id }, was) {
  if (action !== "label") return NOTHING;
  if (was === null) return { ...NOTHING, labeled: 1, classes: { [class_id]: 1 } };
  return was === class_id ? NOTHING : { ...NOTHING, classes: { [was]: -1, [class_id]: 1 } };
}

function remember(session, token, action, classId, delta) {
  session.deck.correct(token, null, classId, delta, action);
  session.tally.add(token, delta);
  session.tell("state");
}

async function send(session, token, kind, body) {
  try {
    const told = await session.outbox.push(token, kind, body);
    session.tally.heard(token, session.now());
    session.tell("journal");
    return told;
  } catch (error) {
    session.deck.refuse(token);
    session.tally.drop(token);
    session.tell("state");
    throw error;
  }
}
