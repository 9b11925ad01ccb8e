import assert from "node:assert/strict";

/** Fails where a tag closes another one than the last opened; for markup without void elements. */
export function assertWellFormed(markup: string): void {
  const open: string[] = [];
  for (const [, close, name, end] of markup.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*?(\/?)>/gi)) {
    if (end === "/") continue;
    if (close === "") open.push(name);
    else assert.equal(open.pop(), name);
  }
  assert.deepEqual(open, []);
}

/** The body of an HTML page as the reports write it. */
export function bodyOf(html: string): string {
  return html.slice(html.indexOf("<body>"), html.indexOf("</html>"));
}
