// @ts-check
/**
 * Round numbers for the axis of a chart.
 *
 * @module
 */

/**
 * About `count` multiples of 1, 2 or 5 times a power of ten that cover `least` to `most`, as in a run's report.
 *
 * @param {number} least
 * @param {number} most
 * @param {number} count
 */
export function niceTicks(least, most, count) {
  const span = most > least ? most - least : Math.abs(least) || 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= rough * 0.9) ?? 10;
  const step = factor * power;
  const first = Math.floor(least / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(most / step - 1e-9));
  // Products with the step carry rounding noise (3 · 0.1); the step's own precision cuts it off.
  const decimals = Math.max(0, Math.ceil(-Math.log10(step)) + 1);
  return Array.from(
    { length: last - first + 1 },
    // The perplexity of a model that has diverged may be the largest number there is.
    (_, place) => Math.min(Number(((first + place) * step).toFixed(decimals)), Number.MAX_VALUE),
  );
}
