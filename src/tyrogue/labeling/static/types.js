/**
 * The shapes of docs/api.md, for editors and readers. Nothing runs here.
 *
 * @typedef {{class_id: number, probability: number}} Guess
 *
 * @typedef {Object} Item
 * @property {number} id
 * @property {number} row
 * @property {string|null} external_id
 * @property {string} text
 * @property {string|null} text_pair
 * @property {number} text_length
 * @property {boolean} cut
 * @property {Record<string, unknown>} meta
 * @property {"query"|"reference"|"search"|"review"} kind
 * @property {number} round
 * @property {number} position
 * @property {Guess|null} suggestion
 * @property {Guess[]|null} probabilities
 * @property {{version: string, age_seconds: number, labels: number}|null} model
 * @property {Record<string, unknown>|null} facts
 * @property {number} copies
 * @property {number|null} label
 * @property {string} reserved_until
 *
 * @typedef {Object} LabelClass
 * @property {number} id
 * @property {string} name
 * @property {number} position
 * @property {number} labeled
 * @property {number|null} merged_into
 * @property {boolean} active
 *
 * @typedef {"label"|"skip"|"flag"} Action
 *
 * @typedef {Object} Annotation
 * @property {number} id
 * @property {number} item
 * @property {number} row
 * @property {string} [text]
 * @property {Action} action
 * @property {number|null} class_id
 * @property {string|null} [note]
 * @property {string} [annotator]
 * @property {string} created
 * @property {boolean} [undone]
 *
 * @typedef {Object} CurvePoint
 * @property {number} labels
 * @property {number} value
 * @property {number} [accuracy]
 *
 * @typedef {Object} ServerState
 * @property {string} project
 * @property {string} project_id
 * @property {number} total
 * @property {number} labeled
 * @property {number} skipped
 * @property {number} flagged
 * @property {number} today
 * @property {LabelClass[]} classes
 * @property {boolean} pair
 * @property {string} guidelines Markdown
 * @property {string} guidelines_html the same, rendered and sanitised by the server
 * @property {{number: number, size: number, answered: number, strategy: string, ratio: number|null}|null} round
 * @property {{ready: number}} queue
 * @property {{version: string, kind: string, labels: number, age_seconds: number, train_seconds: number}|null} model
 * @property {{alive: boolean, phase: string, progress: number|null, message: string, error: string|null}} trainer
 * @property {number|null} pace_seconds
 * @property {{source: "test"|"cross-validated"|"none", metric: string, points: CurvePoint[], note: string}} curve
 * @property {{n: number, correct: number, accuracy: number, low: number, high: number}|null} [audit]
 * @property {string|null} [judged] names the report of GET /api/judgement
 * @property {string[]} warnings
 * @property {{suggestions: boolean, batch: number, ratio: number|"auto", overlap?: number, overlap_share?: number}} settings
 * @property {{labels: number, temperature: number, log_loss: {transformer: number, linear: number}}|null} [tiers] both kinds of models on held-out labels
 * @property {Balance|null} [balance] what the ratio is now and why, while it is chosen automatically
 * @property {{available: boolean, on: boolean}} autopilot
 * @property {number} journal
 * @property {{name: string, role: "owner"|"reviewer"|"annotator", login: "none"|"token"|"account"}} [me]
 */

/**
 * @typedef {Object} Balance
 * @property {number} ratio
 * @property {number} alignment how well the nearest labeled texts foretell a label, 0 to 1
 * @property {number} unexplored how much of the pool is taken to be new still, 0 to 1
 */

export {};
