/** Numbers and ages as words. Pure. */

const NUMBERS = new Intl.NumberFormat("en-US");

/** @param {number} n */
export const count = (n) => NUMBERS.format(n);

/**
 * @param {number} n
 * @param {string} one
 * @param {string} [many]
 */
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/** @param {number} share in [0, 1] */
export function percent(share) {
  const rounded = Math.round(share * 100);
  if (rounded === 100 && share < 1) return "99%"; // never surer than the model is
  return rounded === 0 && share > 0 ? "<1%" : `${rounded}%`;
}

/**
 * Gives an age in its largest useful unit.
 * @param {number} seconds
 */
export function age(seconds) {
  const s = Math.max(0, seconds);
  if (s < 90) return `${Math.round(s)} s`;
  if (s < 5_400) return `${Math.round(s / 60)} min`;
  return s < 129_600 ? `${Math.round(s / 3_600)} h` : `${Math.round(s / 86_400)} days`;
}

/**
 * Gives a model's name for people: "m3-ab12" is "model 3".
 * @param {string} version
 */
export function modelName(version) {
  const number = /^m(\d+)\b/.exec(version);
  return number ? `model ${number[1]}` : `model ${version}`;
}

/** @param {string} words */
export const capital = (words) => words.charAt(0).toUpperCase() + words.slice(1);

/** @param {number} seconds */
export const pace = (seconds) => `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s a label`;

/**
 * Gives a text on one line, cut for a list.
 * @param {string} text
 * @param {number} length
 */
export function snippet(text, length) {
  const head = text.slice(0, length * 2).replace(/\s+/gu, " ").trim();
  if (head.length <= length) return text.length > length * 2 ? `${head}…` : head;
  return `${[...head.slice(0, length)].join("").trimEnd()}…`;
}

/**
 * Gives the words of the outbox: what is safe, what is not yet.
 * @param {{pending: number, failures: number, online: boolean}} outbox
 */
export function saving({ pending, failures, online }) {
  if (failures > 1 || !online) {
    return pending ? `offline: ${plural(pending, "label")} kept here, trying again` : "offline: trying again";
  }
  return pending ? `saving ${pending}…` : "all saved";
}

/**
 * Gives the words for what the trainer is doing, and for the model there is.
 * @param {import("./types.js").ServerState} state
 * @param {number} elapsed seconds since the state was read
 */
export function modelWords(state, elapsed) {
  const { model, trainer } = state;
  if (!trainer.alive && trainer.phase !== "starting") return "trainer stopped";
  if (trainer.error) return model ? `${modelName(model.version)} stays: something failed` : "no model: something failed";
  const training = trainer.phase === "training" ? `, training${trainer.progress ? ` ${percent(trainer.progress)}` : ""}` : "";
  if (!model) return training ? `first model${training}` : "no model yet";
  return `${modelName(model.version)}, ${age(model.age_seconds + elapsed)} old${training}`;
}

/**
 * Says which kind of model is better on labels that it was not trained on.
 * @param {import("./types.js").ServerState["tiers"]} tiers
 */
export function tierWords(tiers) {
  if (!tiers) return "";
  const { transformer, linear } = tiers.log_loss;
  const [better, its, other, others] = transformer <= linear ? ["fine-tuned", transformer, "linear", linear] : ["linear", linear, "fine-tuned", transformer];
  return `On ${count(tiers.labels)} labels held out in turn the ${better} model is better: log-loss ${its.toFixed(2)}, ${other} ${others.toFixed(2)}.`;
}

/**
 * Whether the model's doubt had a say: where groups were ranked, it had one as soon as there was a model.
 * @param {import("./types.js").Item} item
 */
export function isUncertain(item) {
  const step = item.facts?.step;
  return step === "uncertain" || (step === "diverse" && item.model !== null);
}

const ENOUGH = 30; // random checks; below, the interval is too wide to be called an accuracy

/**
 * Gives the honest accuracy in words: on texts drawn at random that no model was trained on.
 * @param {import("./types.js").ServerState["audit"]} audit
 */
export function auditWords(audit) {
  if (!audit?.n) return "";
  if (audit.n < ENOUGH) return `Random checks: ${audit.n} so far. From ${ENOUGH} on they tell the accuracy; not enough yet.`;
  const range = `${percent(audit.low)} to ${percent(audit.high)}`;
  return `Accuracy on ${count(audit.n)} random checks: ${percent(audit.accuracy)} (95% interval ${range}).`;
}

const STEPS = {
  uncertain: "unsure",
  diverse: "new ground",
  random: "drawn at random",
};

/**
 * Gives one short line about why an item was chosen.
 * @param {import("./types.js").Item} item
 */
export function reason(item) {
  if (item.kind === "reference") return "a blind check, drawn at random";
  if (item.kind === "search") return "you asked for it";
  if (item.kind === "review") return "up for review";
  const facts = item.facts ?? {};
  const step = isUncertain(item) ? "uncertain" : String(facts.step ?? "");
  const words = [STEPS[step] ?? step];
  const size = Number(facts.cluster_size);
  if (size > 1) words.push(`one of ${count(size)} alike`);
  if (item.copies > 0) words.push(`closes ${plural(item.copies, "copy", "copies")}`);
  return words.filter(Boolean).join(", ");
}
