import { DataError } from "./errors.ts";
import type { Row } from "./rows.ts";

/**
 * Reads JSON Lines: one JSON object a line, blank lines ignored.
 *
 * @throws {DataError} naming the line that is not a JSON object.
 *
 * @example
 * ```ts
 * import { parseJsonLines } from "./jsonl.ts";
 * const rows = parseJsonLines("posts.jsonl", '{"text": "hello", "label": "greeting"}\n');
 * if (rows[0].fields.label !== "greeting") throw new Error("unreachable");
 * ```
 */
export function parseJsonLines(name: string, text: string): Row[] {
  const rows: Row[] = [];
  let line = 0;
  for (const content of text.split("\n")) {
    line++;
    if (content.trim() === "") continue;
    rows.push({ line, fields: parseObject(name, line, content) });
  }
  return rows;
}

function parseObject(name: string, line: number, content: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    throw new DataError(
      `Cannot read line ${line} of "${name}": expected one JSON object a line, got ${
        excerpt(content)
      }`,
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new DataError(
      `Cannot read line ${line} of "${name}": expected a JSON object, got ${excerpt(content)}`,
    );
  }
  return value as Record<string, unknown>;
}

function excerpt(content: string): string {
  const trimmed = content.trim();
  return trimmed.length > 40 ? `${trimmed.slice(0, 40)}...` : trimmed;
}
