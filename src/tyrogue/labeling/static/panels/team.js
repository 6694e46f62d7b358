/** The team: who is on it and how fast, who may come, how far people agree, and what a reviewer has to settle. */

import { h, write } from "../dom.js";
import { count, pace, percent, plural } from "../format.js";
import { agreementPart } from "./agreement.js";
import { disputesPart } from "./disputes.js";

const ROLES = ["annotator", "reviewer", "owner"];
const SHARES = [0.1, 0.2, 0.5, 1];

/**
 * @param {{session: import("../session.js").Session, api: any, reload: () => Promise<void>}} context
 * @returns {import("./panels.js").Panel}
 */
export function team(context) {
  const { session, api } = context;
  const me = () => session.state.me ?? { name: "me", role: "owner", login: "none" };
  let parts = null;
  session.addEventListener("undone", () => parts?.disputes.undone());
  const say = (words) => write(parts.message, words);
  const act = async (work, done) => {
    try {
      const answer = await work();
      if (answer?.people) draw(answer);
      say(done);
      session.say(done);
      return answer;
    } catch (error) {
      say(error.message);
      return null;
    }
  };
  const draw = ({ people, credentials }) => {
    const owner = me().role === "owner";
    parts.people.replaceChildren(...people.map((one) => person(one, owner, me(), act, api)));
    parts.open.replaceChildren(...(owner ? credentials.map((one) => credential(one, act, api)) : []));
  };
  const load = async () => {
    if (me().role === "annotator") return;
    await act(() => api.team(), "");
    parts.agreement.load();
    parts.disputes.load();
  };
  return {
    name: "team",
    tab: "Team",
    key: "t",
    title: "Team",
    open(body) {
      parts = {
        message: h("p", { class: "message", role: "status" }),
        people: h("ul", { class: "people" }),
        open: h("ul", { class: "people open-links" }),
        agreement: agreementPart(context),
        disputes: disputesPart(context),
      };
      body.append(who(me(), session, api));
      if (me().role === "annotator") return;
      const { message, people, open, agreement, disputes } = parts;
      // What waits for a reviewer comes first; an owner looks after people.
      if (me().role === "reviewer") body.append(message, disputes.element, agreement.element, people);
      else body.append(message, people, inviteForm(act, api), open, overlap(session, say), agreement.element, disputes.element);
      load();
    },
    on: { journal: () => me().role !== "annotator" && parts.agreement.load() },
  };
}

function who(me, session, api) {
  const words = me.login === "account" ? `You are ${me.name}, ${me.role}.` : me.login === "token" ? "You are in by the owner's link." : "You own this project. Invite somebody, and from then on everybody logs in.";
  const leave = async () => {
    await api.logout();
    location.reload();
  };
  const out = me.login === "none" ? "" : h("button", { class: "quiet", type: "button", on: { click: leave } }, "Log out");
  const mine = session.state.pace_seconds ? ` Your pace: ${pace(session.state.pace_seconds)}.` : "";
  return h("p", { class: "who small" }, h("span", { dir: "auto" }, words + mine), out);
}

function person(one, owner, me, act, api) {
  const numbers = one.left ? "has left" : `${plural(one.labels, "label")}, ${count(one.today)} today${one.pace_seconds ? `, ${pace(one.pace_seconds)}` : ""}`;
  const head = h("span", { class: "person-name", dir: "auto" }, one.name);
  const cells = [head, h("span", { class: "small" }, numbers)];
  if (owner && !one.left && one.name !== me.name) cells.push(roleChoice(one, act, api), removal(one, act, api));
  else cells.push(h("span", { class: "small role" }, one.name === me.name ? `you, ${me.role}` : one.role));
  return h("li", { class: one.left ? "gone" : "" }, ...cells);
}

function roleChoice(one, act, api) {
  const options = ROLES.map((role) => h("option", { value: role, selected: role === one.role }, role));
  const select = h("select", { "aria-label": `Role of ${one.name}` }, ...options);
  select.addEventListener("change", () => act(() => api.changeRole(one.id, select.value), `${one.name} is ${select.value} now.`));
  return select;
}

/** Asks once more, in place: a name is removed by two presses, never by one. */
function removal(one, act, api) {
  const remove = () => act(() => api.removePerson(one.id), `${one.name} was removed; the labels stay.`);
  const ask = (event) => {
    const sure = h("button", { class: "button", type: "button", on: { click: remove } }, "Really remove");
    event.currentTarget.replaceWith(sure);
    sure.focus();
  };
  return h("button", { class: "quiet", type: "button", "aria-label": `Remove ${one.name}`, on: { click: ask } }, "Remove");
}

function credential(one, act, api) {
  const until = new Date(one.expires).toLocaleDateString();
  const words = `${one.kind}${one.label ? ` “${one.label}”` : ""} until ${until}`;
  const revoke = () => act(() => api.revoke(one.id), `The ${one.kind} of ${one.name} is over.`);
  const button = h("button", { class: "quiet", type: "button", "aria-label": `Revoke the ${one.kind} of ${one.name}`, on: { click: revoke } }, "Revoke");
  return h("li", {}, h("span", { class: "person-name", dir: "auto" }, one.name), h("span", { class: "small" }, words), button);
}

function inviteForm(act, api) {
  const name = h("input", { id: "invite-name", type: "text", autocomplete: "off", required: true, maxLength: 200, dir: "auto" });
  const role = h("select", { id: "invite-role" }, ...ROLES.map((one) => h("option", { value: one }, one)));
  const link = h("div", { class: "invite-link", hidden: true });
  const submit = async (event) => {
    event.preventDefault();
    const made = await act(() => api.invite({ name: name.value.trim(), role: role.value }), `${name.value.trim()} is invited.`);
    if (!made) return;
    link.hidden = false;
    link.replaceChildren(...shownOnce(location.origin + made.path, made));
    name.value = "";
    await act(() => api.team(), `${made.name} is invited.`);
  };
  const button = h("button", { class: "button", type: "submit" }, "Invite");
  const labels = [h("label", { for: "invite-name" }, "Name"), name, h("label", { for: "invite-role" }, "Role"), role];
  return h("form", { class: "invite", on: { submit } }, h("h3", {}, "Invite"), ...labels, button, link);
}

function shownOnce(address, made) {
  const field = h("input", { id: "invite-address", type: "text", readOnly: true, value: address });
  const copy = async (event) => {
    field.select();
    try {
      await navigator.clipboard.writeText(address);
      event.target.textContent = "Copied";
    } catch {
      event.target.textContent = "Press Ctrl+C"; // plain http is no secure context: the field is selected
    }
  };
  const until = new Date(made.expires).toLocaleDateString();
  return [
    h("label", { for: "invite-address" }, `Link for ${made.name}, until ${until}. It is shown this once.`),
    field,
    h("button", { class: "button", type: "button", on: { click: copy } }, "Copy"),
  ];
}

function overlap(session, say) {
  const { settings } = session.state;
  const people = h("input", { id: "overlap", type: "number", min: "1", max: "20", value: String(settings.overlap ?? 1) });
  const options = SHARES.map((share) => h("option", { value: String(share), selected: share === (settings.overlap_share ?? 1) }, share === 1 ? "all texts" : `${percent(share)} of the texts`));
  const share = h("select", { id: "overlap-share", "aria-label": "Which texts" }, ...options);
  const change = async () => {
    try {
      await session.change({ overlap: Math.round(Number(people.value)), overlap_share: Number(share.value) });
      say(Number(people.value) > 1 ? `From now on ${people.value} people label ${options[share.selectedIndex].textContent}.` : "Each text goes to one person.");
    } catch (error) {
      say(error.message);
    }
  };
  people.addEventListener("change", change);
  share.addEventListener("change", change);
  return h("div", { class: "overlap" }, h("h3", {}, "Overlap"), h("p", {}, h("label", { for: "overlap" }, "People for each text "), people, " for ", share));
}
