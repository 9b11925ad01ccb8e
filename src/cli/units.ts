/**
 * Quantities as people read them. One spelling for the terminal and the report.
 *
 * @module
 */

/** Bytes in decimal units with three significant digits: 1234567 gives "1.23 MB". */
export function bytesText(bytes: number): string {
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

/** Bytes without trailing zeros, for the ticks of an axis: 2000000 gives "2 MB". */
export function roundBytesText(bytes: number): string {
  return bytesText(bytes).replace(
    /(\.\d*?)0+ /,
    (_, kept: string) => kept === "." ? " " : `${kept} `,
  );
}

/** A share of one as a percentage: 0.2153 gives "21.5 %". */
export function percentText(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/** A duration: "8.4 s", "3 min 20 s", "2 h 05 min". */
export function durationText(seconds: number): string {
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const two = (value: number): string => String(value).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/** How many there are of something: "1 client", "1,200 clients". */
export function counted(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** A whole number with its thousands parted: 11314 gives "11,314". */
export function countText(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

/** A perplexity in three digits or more. */
export function perplexityText(perplexity: number): string {
  if (perplexity >= 1e6) return perplexity.toExponential(2);
  return perplexity >= 100 ? countText(perplexity) : perplexity.toFixed(perplexity >= 10 ? 1 : 2);
}
