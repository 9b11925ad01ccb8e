// @ts-check
/**
 * Quantities as people read them, spelled as in the terminal and in a run's report.
 *
 * @module
 */

/**
 * Bytes in decimal units with three significant digits: 1234567 gives "1.23 MB".
 *
 * @param {number} bytes
 */
export function bytesText(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  // 999.5 would print as "1000".
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/**
 * Bytes without trailing zeros, for the ticks of an axis: 2000000 gives "2 MB".
 *
 * @param {number} bytes
 */
export function roundBytesText(bytes) {
  return bytesText(bytes).replace(/\.0+ |(?<=\.\d+)0+ /, " ");
}

/**
 * A share of one as a percentage: 0.2153 gives "21.5 %".
 *
 * @param {number} share
 */
export function percentText(share, digits = 1) {
  return `${(100 * share).toFixed(digits)} %`;
}

/**
 * A perplexity in three digits or more: 1234.5 gives "1,235", 37.52 gives "37.5".
 *
 * @param {number} perplexity
 */
export function perplexityText(perplexity) {
  if (perplexity >= 1e6) return perplexity.toExponential(2);
  return perplexity >= 100 ? countText(perplexity) : perplexity.toFixed(perplexity >= 10 ? 1 : 2);
}

/**
 * A perplexity in three digits at most, for the ticks of an axis: 37.5 gives "37.5", 2000 gives "2,000", 15000000 gives "1.5e+7".
 *
 * @param {number} perplexity
 */
export function roundPerplexityText(perplexity) {
  if (perplexity >= 1e6) return perplexity.toExponential(2).replace(/\.?0+e/, "e");
  return perplexity.toLocaleString("en-US", { maximumSignificantDigits: 3 });
}

/**
 * A duration: "8.4 s", "3 min 20 s", "2 h 05 min".
 *
 * @param {number} seconds
 */
export function durationText(seconds) {
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/**
 * A whole number with its thousands parted: 11314 gives "11,314".
 *
 * @param {number} count
 */
export function countText(count) {
  return Math.round(count).toLocaleString("en-US");
}

/**
 * A count with what it counts: "1 client", "1,200 clients".
 *
 * @param {number} count
 * @param {string} thing
 */
export function countedText(count, thing) {
  return `${countText(count)} ${thing}${count === 1 ? "" : "s"}`;
}

/**
 * The time that is left, to the second: "4:07", "1:02:09"; "0:00" when it is over.
 *
 * @param {number} milliseconds
 */
export function countdownText(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  const minutes = Math.floor(seconds / 60);
  const tail = `${two(seconds % 60)}`;
  return minutes < 60
    ? `${minutes}:${tail}`
    : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${tail}`;
}

/**
 * How long ago: "just now", "12 s ago", "3 min ago", "5 h ago", "2 days ago".
 *
 * @param {number} milliseconds
 */
export function agoText(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 3) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${countedText(Math.floor(seconds / 86_400), "day")} ago`;
}

/**
 * The reader's time of day: "14:03:20".
 *
 * @param {number} time
 */
export function timeText(time) {
  const date = new Date(time);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
}

/**
 * The reader's date and time: "2026-11-25 14:03".
 *
 * @param {number} time
 */
export function dateText(time) {
  const date = new Date(time);
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${timeText(time).slice(0, 5)}`;
}

/** @param {number} value */
function two(value) {
  return String(value).padStart(2, "0");
}
