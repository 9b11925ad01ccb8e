// @ts-check
/**
 * What charts draw of the published rounds.
 *
 * @module
 */

/** @typedef {import("../../src/protocol/http/documents.ts").RoundStatus} RoundStatus */
/** @typedef {import("./chart.js").ChartData} ChartData */
/** @typedef {import("./chart.js").Values} Values */
/** @typedef {"lora" | "head" | "overhead"} ByteKind */

/**
 * Rounds; what the clients report; what the evaluators report.
 *
 * @param {readonly RoundStatus[]} published
 * @param {"accuracy" | "perplexity" | "loss"} key
 * @returns {ChartData}
 */
export function scoreData(published, key) {
  /** @param {import("../../src/protocol/http/documents.ts").AnyScore | null} score @returns {number | null} */
  const valueIn = (score) => score && (/** @type {any} */ (score)[key] ?? null);
  return [
    published.map(({ round }) => round),
    published.map(({ heldOut }) => valueIn(heldOut)),
    published.map(({ evaluators }) => valueIn(evaluators)),
  ];
}

/**
 * Rounds; bytes of each kind.
 *
 * @param {readonly RoundStatus[]} published
 * @param {"upBytes" | "downBytes"} key
 * @param {readonly ByteKind[]} kinds
 * @returns {ChartData}
 */
export function byteData(published, key, kinds) {
  const done = trained(published);
  return [
    done.map(({ round }) => round),
    ...kinds.map((kind) => done.map(({ [key]: bytes }) => bytes[kind])),
  ];
}

/**
 * What the bytes of a task's messages are for: a language model has no head.
 *
 * @param {import("../../src/protocol/http/documents.ts").RunStatus["task"]} task
 * @returns {ByteKind[]}
 */
export function byteKinds(task) {
  return task === "classify" ? ["lora", "head", "overhead"] : ["lora", "overhead"];
}

/**
 * Rounds; bytes up to each, to the server and to the clients.
 *
 * @param {readonly RoundStatus[]} published
 * @returns {ChartData}
 */
export function sumData(published) {
  const done = trained(published);
  /** @param {"upBytes" | "downBytes"} key */
  const sums = (key) => {
    let sum = 0;
    return done.map(({ [key]: bytes }) => sum += bytes.total);
  };
  return [done.map(({ round }) => round), sums("upBytes"), sums("downBytes")];
}

/**
 * The initial bank cost nothing.
 *
 * @param {readonly RoundStatus[]} published
 */
function trained(published) {
  return published.filter(({ round }) => round > 0);
}

/**
 * The tops of stacked bars, the highest first, so that each is painted over by those below it.
 *
 * @param {ChartData} data
 * @returns {ChartData}
 */
export function stack([rounds, ...lists]) {
  /** @type {Values[]} */
  const tops = [];
  for (const list of lists) {
    const below = tops[0];
    tops.unshift(below ? list.map((value, place) => (value ?? 0) + (below[place] ?? 0)) : list);
  }
  return [rounds, ...tops];
}
