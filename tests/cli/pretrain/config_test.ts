import assert from "node:assert/strict";
import {
  isPretrainConfig,
  readConfig,
  readPace,
  resumeConfig,
} from "../../../src/cli/pretrain/config.ts";
import { flags, keyOf } from "../../../src/cli/pretrain/flags.ts";
import { UserError } from "../../../src/protocol/errors.ts";

const given = { corpus: "a.txt, b.jsonl.gz", tokenizer: "t" };
const refused = (run: () => unknown, message: RegExp) =>
  assert.throws(run, (error) => error instanceof UserError && message.test(error.message));

Deno.test("readConfig() fills what depends on other flags", () => {
  const config = readConfig({ ...given, width: "96", steps: "1000" });
  assert.deepEqual(config.corpus, ["a.txt", "b.jsonl.gz"]);
  assert.deepEqual(
    [config.feedForward, config.warmupSteps, config.decaySteps, config.seed],
    [384, 50, 200, 1],
  );
  assert.equal(readConfig({ ...given, steps: "100000" }).warmupSteps, 1000);
  assert.ok(isPretrainConfig(JSON.parse(JSON.stringify(config))));
});

Deno.test("readConfig() refuses what is missing or does not fit", () => {
  refused(() => readConfig({ tokenizer: "t" }), /--corpus/);
  refused(() => readConfig({ ...given, corpus: " , " }), /--corpus/);
  refused(() => readConfig({ corpus: "a.txt" }), /--tokenizer/);
  refused(() => readConfig({ ...given, heads: "5" }), /--heads 5: expected a divisor .* 128/);
  const odd = { ...given, objective: "next", width: "12", heads: "4" };
  refused(() => readConfig(odd), /--heads 4: expected heads of an even size .* got 3/);
  assert.equal(readConfig({ ...odd, objective: "masked" }).heads, 4);
  const wrong = {
    "vocabulary": "0",
    "layers": "1.5",
    "seq-len": "3",
    "batch": "many",
    "steps": "-1",
    "learning-rate": "0",
    "mask-rate": "1",
    "weight-decay": "-1",
  };
  for (const [name, value] of Object.entries(wrong)) {
    refused(() => readConfig({ ...given, [keyOf(name)]: value }), new RegExp(`--${name}`));
  }
  refused(() => readConfig({ ...given, objective: "maskd" }), /did you mean "masked"/);
});

Deno.test("resumeConfig() changes how long and how fast, and nothing else", () => {
  const saved = readConfig(given);
  assert.deepEqual(resumeConfig(saved, {}), saved);
  const longer = { steps: "20000", learningRate: "0.0005", decaySteps: "0" };
  assert.deepEqual(resumeConfig(saved, longer), {
    ...saved,
    steps: 20000,
    learningRate: 0.0005,
    decaySteps: 0,
  });
  const settled = [
    "corpus",
    ...flags.filter(({ resumable }) => !resumable).map(({ name }) => name),
  ];
  assert.ok(settled.includes("warmup-steps") && settled.includes("seq-len"));
  for (const name of settled) {
    refused(
      () => resumeConfig(saved, { [keyOf(name)]: "1" }),
      new RegExp(`--${name} with --resume`),
    );
  }
});

Deno.test("readPace() has defaults", () => {
  assert.deepEqual(readPace({}), { checkpointMinutes: 3, evaluateEvery: 500 });
  assert.deepEqual(readPace({ checkpointMinutes: "0.5", evaluateEvery: "7" }), {
    checkpointMinutes: 0.5,
    evaluateEvery: 7,
  });
});
