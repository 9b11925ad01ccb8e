/**
 * A text of another party on one line that any log and both databases take: control characters become spaces, and what is too long is cut.
 */
export function oneLine(text: string, longest = 500): string {
  // deno-lint-ignore no-control-regex
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").trim();
  return line.length <= longest ? line : `${line.slice(0, longest - 1)}…`;
}
