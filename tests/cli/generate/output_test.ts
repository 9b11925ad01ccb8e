import assert from "node:assert/strict";
import { type GeneratedText, speedOf, textReporter } from "../../../src/cli/generate/output.ts";

const generated: GeneratedText = {
  ...{ prompt: "A", promptTokens: 1, text: "B", tokens: [1, 2, 3], end: "end token" },
  ...{ firstSeconds: 65, furtherSeconds: 0.001, device: "CPU" },
};

function collect(format: "text" | "json", terminal: boolean) {
  const written: string[] = [], notes: string[] = [];
  const reporter = textReporter(format, {
    write: (text) => void written.push(text),
    note: (line) => void notes.push(line),
    terminal,
  });
  return { reporter, written, notes };
}

Deno.test("textReporter() keeps a model's control characters from a terminal, and from nothing else", () => {
  for (
    const [terminal, expected] of [[true, "a\t\n\ufffd[2J"], [false, "a\t\n\u001b[2J"]] as const
  ) {
    const { reporter, written } = collect("text", terminal);
    reporter.piece("a\t\n\u001b[2J");
    reporter.close();
    assert.deepEqual(written, [expected, "\n"]);
  }
});

Deno.test("textReporter() tells the end in a line, or in the only line that it writes", () => {
  const text = collect("text", false);
  text.reporter.end(generated);
  assert.deepEqual(text.notes, [
    "3 tokens, ended by the model, the first after 1 min 05 s, then 2,000 tokens/s, CPU",
  ]);
  const json = collect("json", true);
  json.reporter.piece("B");
  json.reporter.close();
  json.reporter.end(generated);
  assert.deepEqual(json.notes, []);
  assert.equal(json.written.length, 1);
  assert.deepEqual(JSON.parse(json.written[0]), { ...generated, tokensPerSecond: 2000 });
});

Deno.test("textReporter() tells no speed of a single token, nor of none", () => {
  assert.equal(speedOf({ tokens: [1], furtherSeconds: 0.001 }), undefined);
  const { reporter, notes } = collect("text", false);
  reporter.end({ ...generated, tokens: [] });
  assert.deepEqual(notes, ["0 tokens, ended by the model, CPU"]);
});
