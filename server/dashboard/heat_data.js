// @ts-check
/**
 * What the heat map shows of a round.
 *
 * @module
 */

/** @typedef {import("../../src/protocol/http/documents.ts").RoundStatus} RoundStatus */

/**
 * Modules that differ only in a number, such as the q_proj of every layer.
 *
 * @typedef {object} ModuleBlock
 * @property {string} title
 * @property {readonly { readonly name: string, readonly module: number }[]} rows
 */

/**
 * A component of a module after a round.
 *
 * @typedef {object} Cell
 * @property {number} level how far its score lies below its module's highest, on a logarithm: 0 to 1
 * @property {number} share of the round's contributors that trained it
 * @property {boolean} isTrained whether anyone has trained it so far
 * @property {string} text
 */

/**
 * Groups modules by what is left of their names without the last number.
 *
 * @param {readonly string[]} modules
 * @returns {ModuleBlock[]}
 */
export function moduleBlocks(modules) {
  /** @type {Map<string, { title: string, rows: { name: string, module: number }[] }>} */
  const blocks = new Map();
  modules.forEach((path, module) => {
    const parts = path.split(".");
    const layer = parts.findLastIndex((part) => /^\d+$/.test(part));
    const key = parts.map((part, place) => place === layer ? "*" : part).join(".");
    const block = blocks.get(key) ?? { title: parts[parts.length - 1], rows: [] };
    block.rows.push({ name: layer < 0 ? path : `layer ${parts[layer]}`, module });
    blocks.set(key, block);
  });
  return [...blocks.values()];
}

/**
 * How far a score lies below the highest of its module, on a logarithm: 1 at the highest, 0 at a thousandth of it or less.
 *
 * @param {number} score
 * @param {number} highest
 */
export function scoreLevel(score, highest) {
  if (!(score > 0) || !(highest > 0)) return 0;
  return Math.min(1, Math.max(0, 1 + Math.log10(score / highest) / 3));
}

/**
 * The components of every module after one of the rounds: [modules][r].
 *
 * @param {readonly string[]} modules
 * @param {readonly RoundStatus[]} published
 * @param {number} place of the round in `published`
 * @returns {Cell[][]}
 */
export function heatCells(modules, published, place) {
  const { round, scores, selected, contributors } = published[place];
  const rounds = published.slice(0, place + 1);
  return scores.map((row, module) => {
    const highest = Math.max(...row);
    return row.map((score, component) => {
      const trainers = selected[module][component];
      const isTrained = rounds.some((each) => each.selected[module][component] > 0);
      const trained = isTrained
        ? `trained by ${trainers} of ${contributors.length} in round ${round}`
        : "never trained";
      return {
        level: scoreLevel(score, highest),
        share: trainers / Math.max(1, contributors.length),
        isTrained,
        text: `${modules[module]}, component ${component + 1}: score ${
          scoreText(score)
        }, ${trained}`,
      };
    });
  });
}

/** @param {number} score */
export function scoreText(score) {
  return score === 0 || score >= 0.001
    ? String(Number(score.toPrecision(3)))
    : score.toExponential(2);
}
