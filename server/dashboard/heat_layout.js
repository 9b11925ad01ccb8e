// @ts-check
/**
 * Where the parts of a heat map lie, in pixels.
 *
 * @module
 */

/**
 * @typedef {object} HeatLayout
 * @property {number} width
 * @property {number} height
 * @property {{ readonly left: number, readonly cell: number }} scores
 * @property {{ readonly left: number, readonly cell: number }} trainers
 * @property {number} inUse where the number of trained components begins
 * @property {number} top where the first row begins
 * @property {number} rowHeight
 */

const gutter = 52;
const between = 18;

/**
 * @param {number} rank
 * @param {number} rows
 * @returns {HeatLayout}
 */
export function heatLayout(rank, rows) {
  const cell = Math.min(26, Math.max(4, Math.floor(256 / rank)));
  const small = Math.min(16, Math.max(2.5, Math.floor(160 / rank)));
  const trainers = gutter + rank * cell + between;
  const inUse = trainers + rank * small + 8;
  const top = 34;
  const rowHeight = rows > 24 ? 12 : 20;
  return {
    width: inUse + Math.max(38, 12 + 13 * String(rank).length),
    height: top + rows * rowHeight,
    scores: { left: gutter, cell },
    trainers: { left: trainers, cell: small },
    inUse,
    top,
    rowHeight,
  };
}
