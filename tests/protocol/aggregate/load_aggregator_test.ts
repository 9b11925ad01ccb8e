import assert from "node:assert/strict";
import { loadAggregator } from "../../../src/protocol/aggregate/load_aggregator.ts";
import { aggregatorNames } from "../../../src/protocol/aggregate/mod.ts";

Deno.test("loadAggregator() gives every name a rule of its own", async () => {
  const rules = await Promise.all(aggregatorNames.map(loadAggregator));
  assert.ok(rules.every((rule) => typeof rule === "function"));
  assert.equal(new Set(rules).size, rules.length);
});

Deno.test("loadAggregator() loads a package for flexlora alone, and says which when it is not there", async () => {
  const module = new URL("../../../src/protocol/aggregate/load_aggregator.ts", import.meta.url);
  const script = `
    const { loadAggregator } = await import(${JSON.stringify(module.href)});
    const { aggregatorNames } = await import(${JSON.stringify(new URL("mod.ts", module).href)});
    for (const name of aggregatorNames) {
      await loadAggregator(name).catch((error) => console.log(name, error.name, error.message));
    }
  `;
  const empty = await Deno.makeTempDir({ prefix: "hafl-no-packages-" });
  try {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-lock", "--cached-only", script],
      env: { DENO_DIR: empty, NO_COLOR: "1" },
      cwd: empty,
      stderr: "null",
    }).output();
    const lines = new TextDecoder().decode(stdout).trim().split("\n");
    assert.equal(lines.length, 1, lines.join("\n"));
    assert.match(lines[0], /^flexlora UserError Cannot load "npm:ml-matrix@6\.15\.1"/);
  } finally {
    await Deno.remove(empty, { recursive: true });
  }
});
