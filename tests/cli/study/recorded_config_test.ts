import assert from "node:assert/strict";
import {
  differenceOf,
  recordedConfig,
  withoutFolders,
} from "../../../src/cli/study/recorded_config.ts";
import { completeRunConfig } from "../../../src/federated/complete_run_config.ts";
import { outsideSettings } from "../../../src/study/read_study.ts";

const config = completeRunConfig({
  data: "/home/ana/posts.jsonl",
  labels: "/home/ana/labels.txt",
  model: "/home/ana/models/tiny",
  cacheDir: "/home/ana/cache",
  out: "/home/ana/out",
  seed: 3,
});

Deno.test("recordedConfig() keeps what a run is, and no folder", () => {
  const kept = recordedConfig(config);
  assert.equal(JSON.stringify(kept).includes("ana"), false);
  assert.deepEqual([kept.data, kept.labels, kept.model], ["posts.jsonl", "labels.txt", "tiny"]);
  assert.equal(kept.seed, 3);
  for (const key of outsideSettings) if (key !== "seed") assert.equal(key in kept, false, key);
});

Deno.test("withoutFolders() leaves hub ids, lists of labels and what is not set alone", () => {
  const settings = { model: "someone/some-model", labels: ["a", "b"], data: null };
  assert.deepEqual(withoutFolders(settings), settings);
});

Deno.test("differenceOf() tells the first setting that is another now", () => {
  const kept = recordedConfig(config);
  assert.equal(differenceOf(kept, recordedConfig(config)), undefined);
  const now = recordedConfig(completeRunConfig({ ...config, rounds: 60, threads: 7 }));
  assert.equal(differenceOf(kept, now), "rounds 20, now 60");
  assert.equal(differenceOf({ ...kept, strip: ["quotes"] }, kept), "strip quotes, now none");
});

Deno.test("differenceOf() takes a setting that is newer than the result for its default", () => {
  const { lr: _, ...older } = recordedConfig(completeRunConfig({}));
  assert.equal(differenceOf(older, recordedConfig(completeRunConfig({}))), undefined);
  const now = recordedConfig(completeRunConfig({ lr: 0.5 }));
  assert.equal(differenceOf(older, now), "lr 0.01, now 0.5");
});
