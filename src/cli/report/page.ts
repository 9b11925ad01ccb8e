/** The HTML file of a report. @module */

import { style } from "./style.ts";
import { escapeText } from "./svg.ts";

/**
 * A whole page around a body of markup: a content security policy forbids it to load anything.
 *
 * @param further rules after those of the reports' common style sheet
 */
export function page(title: string, body: string, further = ""): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeText(title)}</title>
<style>${style}${further}</style>
</head>
<body>${body}</body>
</html>
`;
}
