/**
 * Taking back: first what this page decided, the newest first, then what the server remembers of other pages and days.
 * Each request names the decision that it means, so that the server never takes back another one instead.
 *
 * @import {Session} from "./session.js"
 * @import {Decision} from "./deck.js"
 */

import { takenBack } from "./deck.js";
import { withdraw } from "./regions.js";
import { decisionDelta, negate } from "./tally.js";

const OTHER = "Not taken back: something else was decided in the meantime, in another window. Backspace again takes that back.";

/** Takes the last decision back, whether it has left this page, is on its way, or is from another day. @param {Session} session */
export function undoLast(session) {
  const { deck, outbox, tally } = session;
  if (session.waiting || session.paused || session.locked) return;
  const last = deck.decisions.at(-1);
  if (!last && !session.online) {
    session.say("Offline: what was decided before this page was opened can be taken back once the server answers.");
    return;
  }
  deck.takeBack();
  if (last?.queued) {
    withdraw(session, last);
    return;
  }
  if (last && outbox.takeBack(last.token)) {
    tally.drop(last.token);
    session.tell("undone", { token: last.token });
  } else send(session, last);
  if (last?.item) session.show(true);
  session.tell("state");
  if (last) session.say(takenBack(last));
}

/** @param {Session} session @param {Decision|undefined} last */
async function send(session, last) {
  const token = session.newToken();
  session.waiting = !last;
  if (last) session.tally.add(token, negate(decisionDelta(last)));
  else session.tell("card", { fresh: false });
  try {
    const body = { token, ...(last ? { expected: last.token } : {}) };
    const { undone, item, together } = await session.outbox.push(token, "undo", body);
    session.tally.heard(token, session.now());
    // Nobody is asked again about a region, which returns to the pool, nor about a text whose correction is gone.
    const nobodys = item.reserved_until === null;
    if (!last && !nobodys) session.deck.putBack({ ...item, label: undone.class_id });
    if (!last) session.say(together > 1 ? `${together} labels taken back.` : nobodys ? "Correction taken back." : "Taken back.");
    if (last ? last.itemId < 0 || together > 1 : nobodys || together > 1) session.refill(); // what waited in the queue waits again
    session.tell("undone", { token: last?.token, row: undone.row });
  } catch (error) {
    session.tally.drop(token);
    if (last) stands(session, last, error);
    else session.say(error.status === 409 ? "Nothing to take back." : error.message);
  }
  const waited = session.waiting;
  session.waiting = false;
  if (waited) session.show(true);
  session.tell("journal");
}

/**
 * The server did not take it back: the page shows again what is so.
 * @param {Session} session
 * @param {Decision} last
 * @param {any} error
 */
function stands(session, last, error) {
  if (session.deck.refused.has(last.token)) return; // it was never recorded, so that there is nothing to take back
  session.say(error.status === 409 ? OTHER : error.message);
  session.deck.decisions = []; // what this page decided is not the last any more: from now on the server says what is
  if (last.item && session.deck.dismiss(last.item.id)) session.show(true);
  session.tell("state");
  session.refill();
}
