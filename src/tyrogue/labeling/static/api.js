/** The HTTP API of docs/api.md: one function a call, and one error that says whether trying again can help. */

/** @import {Item, ServerState, Annotation, LabelClass} from "./types.js" */

const TIMEOUT = 10_000; // ms; a request of this app is a few SQL statements
const KEEPALIVE_LIMIT = 8_000; // characters; browsers allow 64 kB for all such requests together

export class ApiError extends Error {
  /**
   * @param {number} status 0 when no answer came
   * @param {string} title
   * @param {string} detail what was seen and what to do
   */
  constructor(status, title, detail) {
    super(detail || title);
    this.status = status;
    this.title = title;
    this.detail = detail;
  }

  /** Whether the same request may succeed later: no answer, a busy or broken server, or a missing login. */
  get retriable() {
    return this.status === 0 || this.status >= 500 || [401, 408, 425, 429].includes(this.status);
  }
}

/**
 * Gives the calls, bound to an annotator.
 * @param {{annotator?: string, fetch?: typeof fetch}} [options]
 */
export function connect({ annotator = "me", fetch = globalThis.fetch.bind(globalThis) } = {}) {
  const call = (method, path, body) => request(fetch, method, path, body);
  const query = (values) => new URLSearchParams(values).toString();
  const me = () => api.annotator;
  const api = {
    annotator,
    /** @returns {Promise<{items: Item[], reason: "preparing"|"done"|null}>} */
    next: (n) => call("POST", "/api/next", { n, annotator: me() }),
    /** @returns {Promise<Annotation & {labeled: number}>} */
    annotate: (body) => call("POST", "/api/annotations", { ...body, annotator: me() }),
    /** @returns {Promise<{undone: Annotation, item: Item, together: number}>} */
    undo: (body) => call("POST", "/api/undo", { ...body, annotator: me() }),
    /** @returns {Promise<{annotations: Annotation[], more: boolean}>} */
    annotations: (limit, before) =>
      call("GET", `/api/annotations?${query({ limit: String(limit), ...(before ? { before: String(before) } : {}) })}`),
    row: (row) => call("GET", `/api/rows/${row}`),
    search: (words, limit = 20) => call("GET", `/api/search?${query({ q: words, limit: String(limit) })}`),
    enqueue: (row) => call("POST", "/api/items", { row, annotator: me() }),
    why: (item) => call("GET", `/api/items/${item}/why`),
    texts: (rows) => call("GET", `/api/texts?${query({ rows: rows.join(",") })}`),
    map: (known) => call("GET", `/api/map${known === null ? "" : `?${query({ known: String(known) })}`}`),
    mapMarks: () => call("GET", `/api/map/marks?${query({ annotator: me() })}`),
    mapOpinions: () => call("GET", "/api/map/opinions"),
    mapPicks: (strategy) => call("GET", `/api/map/picks?${query({ strategy })}`),
    /** @returns {Promise<{rows: number[], left_out: {audit: number, decided: number}, labeled: number}>} */
    region: (body) => call("POST", "/api/regions", { ...body, annotator: me() }),
    /** @returns {Promise<{rows: number[], new: number[], left_out: {audit: number, decided: number}}>} */
    queueRows: (rows) => call("POST", "/api/regions/queue", { rows, annotator: me() }),
    /** @returns {Promise<{rows: number[]}>} */
    withdraw: (body) => call("POST", "/api/regions/withdraw", { ...body, annotator: me() }),
    addClass: (name) => call("POST", "/api/classes", { name }),
    renameClass: (id, name) => call("PATCH", `/api/classes/${id}`, { name }),
    mergeClass: (id, into) => call("POST", `/api/classes/${id}/merge`, { into }),
    /** @returns {Promise<ServerState>} */
    state: () => call("GET", `/api/state?${query({ annotator: me() })}`),
    settings: (patch) => call("PATCH", "/api/settings", patch),
    guidelines: (text) => call("PUT", "/api/guidelines", { text }),
    autopilot: (on, seconds) => call("POST", "/api/autopilot", { on, seconds }),
    login: (name, password) => call("POST", "/api/login", { name, password }),
    loginByLink: (secret) => call("POST", "/api/login/link", { secret }),
    acceptInvitation: (secret, password) => call("POST", "/api/login/invitation", { secret, password }),
    logout: () => call("POST", "/api/logout", {}),
    team: () => call("GET", "/api/team"),
    invite: (body) => call("POST", "/api/team/invitations", body),
    changeRole: (person, role) => call("PATCH", `/api/team/${person}`, { role }),
    removePerson: (person) => call("DELETE", `/api/team/${person}`),
    revoke: (credential) => call("DELETE", `/api/team/credentials/${credential}`),
    agreement: () => call("GET", "/api/agreement"),
    disagreements: (limit, after) => call("GET", `/api/disagreements?${query({ limit: String(limit), after: String(after) })}`),
    adjudicate: (body) => call("POST", "/api/adjudications", { ...body, annotator: me() }),
    judgement: () => call("GET", `/api/judgement?${query({ annotator: me() })}`),
    promote: (on) => call("POST", "/api/promotion", { on, annotator: me() }),
    /** @param {Record<string, string>} wanted filters of docs/api.md */
    review: (wanted) => call("GET", `/api/review?${query(wanted)}`),
    reviewed: (row) => call("GET", `/api/review/${row}`),
    secondLook: ({ row, ...body }) => call("POST", `/api/review/${row}`, { ...body, annotator: me() }),
    exportUrl: (format) => `/api/export?${query({ format })}`,
  };
  return api;
}

/**
 * Gives what sends the operations of an outbox: one call for each kind.
 * @param {ReturnType<typeof connect>} api
 * @returns {(operation: import("./queue.js").Operation) => Promise<any>}
 */
export function sender(api) {
  const calls = {
    annotate: api.annotate,
    undo: api.undo,
    region: api.region,
    withdraw: api.withdraw,
    review: api.secondLook,
    adjudication: api.adjudicate,
  };
  return ({ kind, body }) => calls[kind](body);
}

async function request(fetch, method, path, body) {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const options = { method, headers: { Accept: "application/json" }, signal: AbortSignal.timeout(TIMEOUT) };
  if (text !== undefined) {
    options.body = text;
    options.headers["Content-Type"] = "application/json";
    options.keepalive = text.length < KEEPALIVE_LIMIT; // a label on its way outlives the closing of the tab
  }
  if (method !== "GET") options.headers["X-Tyrogue"] = "1";
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new ApiError(0, "No answer", "The server does not answer. Is `tyrogue label` still running?");
  }
  return read(response);
}

async function read(response) {
  let body = null;
  try {
    body = await response.json();
  } catch {
    // A proxy's or a crashed server's page; for a good status it means that the answer was cut off.
    if (response.ok) throw new ApiError(0, "No answer", "The server's answer was cut off.");
  }
  if (response.ok) return body;
  const detail = typeof body?.detail === "string" ? body.detail : "";
  throw new ApiError(response.status, body?.title ?? `HTTP ${response.status}`, detail);
}
