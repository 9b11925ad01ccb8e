/** A client whose clock is not the server's. @module */

/** Milliseconds that the clocks may differ by: a server refuses signatures that are older, or from further in the future. */
const WINDOW = 300_000;

/** Whether the clocks differ by more than a server allows. Both in milliseconds since 1970. */
export function isSkewed(serverTime: number, now: number): boolean {
  return Math.abs(serverTime - now) > WINDOW;
}

/** What to tell the person at the client; undefined where the server did not say what time it has. */
export function clockMessage(serverTime: number | undefined, now: number): string | undefined {
  if (serverTime === undefined) return undefined;
  const seconds = Math.round(Math.abs(serverTime - now) / 1000);
  const side = serverTime > now ? "behind" : "ahead of";
  return `this machine's clock is ${spanText(seconds)} ${side} the server's, and at most ${
    spanText(WINDOW / 1000)
  } are allowed; set it right and start again`;
}

/** A span of time in its two largest units: "2 d 3 h", "7 min 12 s". */
function spanText(seconds: number): string {
  const units: [string, number][] = [["d", 86_400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = Math.max(0, units.findIndex(([, size]) => seconds >= size));
  let rest = seconds;
  const parts = units.slice(first, first + 2).map(([name, size]): [number, string] => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return [count, name];
  });
  return parts.filter(([count], i) => count > 0 || i === 0).map((part) => part.join(" ")).join(" ");
}
