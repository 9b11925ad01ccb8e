import assert from "node:assert/strict";
import fc from "fast-check";
import { readSettings } from "../../src/federated/read_settings.ts";
import { flagName } from "../../src/federated/setting_text.ts";
import { settings } from "../../src/federated/settings.ts";

Deno.test("readSettings() gives back any number a setting allows", () => {
  fc.assert(fc.property(fc.integer({ min: 1 }), (rounds) => {
    const raw = { rounds: settings.rounds.kind.fromText(String(rounds)) };
    assert.deepEqual(readSettings(raw, flagName), { rounds });
  }));
});
