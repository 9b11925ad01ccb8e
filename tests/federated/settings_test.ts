import assert from "node:assert/strict";
import { completeRunConfig } from "../../src/federated/complete_run_config.ts";
import { defaultConfig } from "../../src/federated/run_config.ts";
import { settingText } from "../../src/federated/setting_text.ts";
import { settingKeys, settings, topics } from "../../src/federated/settings.ts";

Deno.test("settings holds every key of a complete configuration, and no other", () => {
  assert.deepEqual([...settingKeys].sort(), Object.keys(completeRunConfig({})).sort());
});

Deno.test("settings accepts every default, as a value and as a flag's text", () => {
  for (const key of Object.keys(defaultConfig) as (keyof typeof defaultConfig)[]) {
    const value = defaultConfig[key];
    const { kind } = settings[key];
    assert.deepEqual(kind.check(value), value, key);
    const empty = value === null || (Array.isArray(value) && value.length === 0);
    if (!empty) assert.deepEqual(kind.check(kind.fromText(settingText(value))), value, key);
  }
});

Deno.test("topics has every key of settings once, in its order", () => {
  assert.deepEqual(topics.flatMap(({ keys }) => keys), settingKeys);
});
