import assert from "node:assert/strict";
import { readModel } from "../../src/models/mod.ts";
import { LLAMA, LLAMA3_SCALING } from "./small_configs.ts";
import { requestsOf } from "./support.ts";

/** What the two pairs of a head of 4 turn by at position 1; a row of the table is 2 cosines, 2 sines. */
function anglesOf(config: Record<string, unknown>): number[] {
  const [table] = requestsOf(readModel(config), 2).constants.values();
  return [table[4 + 2], table[4 + 3]].map(Math.asin);
}

function near(actual: readonly number[], ...expected: number[]): void {
  expected.forEach((angle, i) =>
    assert.ok(Math.abs(actual[i] - angle) < 1e-7, `expected ${expected}, got ${actual}`)
  );
}

Deno.test("encode() of llama rotates by the config's rope_theta, wherever it stands", () => {
  // The second pair turns by position / sqrt(theta).
  near(anglesOf(LLAMA), 1, 0.01);
  near(anglesOf({ ...LLAMA, rope_theta: 400 }), 1, 0.05);
  const parameters = { rope_type: "default", rope_theta: 400 };
  near(anglesOf({ ...LLAMA, rope_parameters: parameters }), 1, 0.05);
  near(anglesOf({ ...LLAMA, rope_theta: 400, rope_scaling: { type: "default" } }), 1, 0.05);
});

Deno.test("encode() of llama turns a linearly scaled model slower, and llama3's by how often a pair turns", () => {
  near(anglesOf({ ...LLAMA, rope_scaling: { type: "linear", factor: 4 } }), 0.25, 0.0025);
  // In 800 π positions pair 0 turns 400 times, pair 1 4 times.
  const scaled = (low: number, high: number, key = "rope_scaling") => ({
    ...LLAMA,
    [key]: {
      ...LLAMA3_SCALING,
      low_freq_factor: low,
      high_freq_factor: high,
      original_max_position_embeddings: Math.round(800 * Math.PI),
    },
  });
  near(anglesOf(scaled(1, 3.5)), 1, 0.01);
  near(anglesOf(scaled(4.5, 5)), 1, 0.01 / 8);
  near(anglesOf(scaled(500, 600)), 1 / 8, 0.01 / 8);
  const kept = (Math.round(800 * Math.PI) * 0.01 / (2 * Math.PI) - 2) / (10 - 2);
  near(anglesOf(scaled(2, 10, "rope_parameters")), 1, 0.01 * (kept + (1 - kept) / 8));
});
