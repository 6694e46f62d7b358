/** Coming in: by name and password, by an invitation, by a personal link. Secrets stand behind the # of an address, which no server sees. */

import { h } from "./dom.js";

/** Takes the secret of a link out of the address; an invitation waits there until a password was chosen. */
export async function arriveByLink(api, screen) {
  const [kind, secret] = location.hash.slice(1).split("=");
  if (kind === "link" && secret) {
    forgetHash();
    try {
      await api.loginByLink(secret);
    } catch (error) {
      screen.error(error.message);
      await new Promise((done) => setTimeout(done, 4_000));
    }
  } else if (kind === "invite" && secret) {
    screen.invitation(secret);
    await new Promise(() => {}); // taking it up loads the page again
  }
}

/** @param {any} api */
export function loginForm(api) {
  const name = h("input", { id: "login-name", type: "text", autocomplete: "username", required: true, dir: "auto" });
  const password = passwordField("login-password", "current-password");
  const message = h("p", { class: "message", role: "alert" });
  const form = fields("Log in", [["login-name", "Name", name], ["login-password", "Password", password]], message, () => api.login(name.value.trim(), password.value));
  return [
    h("h2", {}, "Log in"),
    form,
    h("p", { class: "small" }, "Invited? Open your invitation's link. The owner: open the whole link that was printed where the app was started, with ", h("code", {}, "?token=…"), "."),
    h("p", { class: "small" }, "Labels you made here are kept and sent once you are in."),
  ];
}

/** @param {any} api @param {string} secret */
export function invitationForm(api, secret) {
  const password = passwordField("new-password", "new-password");
  password.minLength = 10;
  const message = h("p", { class: "message", role: "alert" });
  const accept = async () => {
    await api.acceptInvitation(secret, password.value);
    forgetHash();
  };
  return [
    h("h2", {}, "You are invited to label"),
    h("p", {}, "Choose a password of at least 10 characters. You log in with it from now on; this invitation works once."),
    fields("Begin", [["new-password", "New password", password]], message, accept),
  ];
}

function fields(button, list, message, act) {
  const submit = async (event) => {
    event.preventDefault();
    message.textContent = "";
    try {
      await act();
      location.reload(); // as somebody else, nothing of the page before may stay
    } catch (error) {
      message.textContent = error.message;
    }
  };
  const rows = list.map(([id, label, input]) => h("p", { class: "field" }, h("label", { for: id }, label), input));
  return h("form", { class: "login", on: { submit } }, ...rows, h("button", { class: "button", type: "submit" }, button), message);
}

function passwordField(id, autocomplete) {
  return h("input", { id, type: "password", autocomplete, required: true, maxLength: 200 });
}

function forgetHash() {
  history.replaceState(null, "", location.pathname + location.search);
}
