/** Runs that train a language model, as their people live them. */

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { loadClientData } from "../../../src/cli/client/client_data.ts";
import { folderFiles } from "../../../src/cli/deno_files.ts";
import { generateText } from "../../../src/cli/generate.ts";
import { openData, openTokenCache } from "../../../src/cli/sources.ts";
import { completeRunConfig } from "../../../src/federated/complete_run_config.ts";
import { prepareFederation } from "../../../src/federated/prepare.ts";
import { setUpRun } from "../../../src/federated/run_setup.ts";
import { tokenizeRows } from "../../../src/federated/tokenize_rows.ts";
import type { LanguageTask } from "../../../src/protocol/task.ts";
import { createWordTokenizer, wordText, writeWordModel } from "../word_model.ts";
import { compareRuns } from "./compare_runs.ts";

const folder = await Deno.makeTempDir({ prefix: "hafl-run-language-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const cacheDir = join(folder, "cache");
const model = join(folder, "model");
await writeWordModel(model, "rendered by this test");
const files = folderFiles(model);

/** A row of a task's data. */
const rowOf: Readonly<Record<LanguageTask, (i: number) => object>> = {
  lm: (i) => ({ text: wordText(i, 3 + i % 17) }),
  chat: (i) => ({
    messages: [
      { role: "user", content: wordText(i, 1 + i % 3) },
      { role: "assistant", content: wordText(i + 1, 1 + i % 5) },
    ],
  }),
};

const jsonLine = (row: object) => JSON.stringify(row) + "\n";

/** Tokenizes what processes will need, so that they find all in the cache and load no tokenizer. */
async function fillCache(
  task: LanguageTask,
  seqLen: number,
  shares: readonly string[],
  data: string,
): Promise<void> {
  const config = completeRunConfig({
    ...{ task, model, data, seqLen, clients: 3, ranks: [2], validation: 6, evalTest: false },
  });
  const cache = openTokenCache({ cacheDir }, () => assert.fail("no cache"));
  const createTokenizer = createWordTokenizer;
  const all = await openData(config);
  await prepareFederation({ config, files, data: all, createTokenizer, cache });
  const setup = await setUpRun({ config, files, labels: [] });
  for (const share of shares) {
    const choice = { data: share, textColumn: null, labelColumn: null };
    const { train, validation } = await loadClientData(
      { ...choice, heldOut: 0, evaluate: false },
      { name: "test", task, labels: [], seed: 1 },
    );
    const rows = [...train, ...validation];
    await tokenizeRows(rows, { setup, labels: [], createTokenizer, cache });
  }
}

for (const task of ["lm", "chat"] as const) {
  Deno.test(`a run of --task ${task} over HTTP gives the adapter of \`deno task train\`, byte for byte, and text is generated with it`, async () => {
    const seqLen = 12;
    const { adapter, status } = await compareRuns({
      place: join(folder, task),
      data: Array.from({ length: 60 }, (_, i) => jsonLine(rowOf[task](i))).join(""),
      cache: cacheDir,
      training: [
        ...[`--task=${task}`, `--model=${model}`, "--ranks=1,2,4", `--seq-len=${seqLen}`],
        ...["--rounds=2", "--local-steps=3", "--batch=4", "--accumulate=2", "--lora-dropout=0.1"],
      ],
      dealt: ["--validation=6"],
      created: () => [],
      client: [`--model=${model}`],
      async onDealt(shares, data) {
        const left = Array.from(Deno.readDirSync(dirname(shares[0])), ({ name }) => name);
        assert.deepEqual(left.filter((name) => name.startsWith("labels")), [], "there are none");
        // Rows that clients score with, beside those that they train on.
        const heldOut = [61, 62].map((i) => jsonLine({ ...rowOf[task](i), split: "validation" }));
        for (const share of shares) {
          await Deno.writeTextFile(share, heldOut.join(""), { append: true });
        }
        await fillCache(task, seqLen, shares, data);
      },
    });
    assert.deepEqual([status.task, status.labels], [task, 0]);
    for (const { round, heldOut } of status.published.slice(0, 2)) {
      assert.ok(heldOut && "perplexity" in heldOut && heldOut.perplexity > 1, `round ${round}`);
      assert.equal(heldOut.parties, 3);
    }
    const config = JSON.parse(await Deno.readTextFile(join(adapter, "adapter_config.json")));
    assert.deepEqual([config.task_type, config.modules_to_save], ["CAUSAL_LM", []]);

    const flags = ["--prompt=w3 w6", "--max-tokens=5", "--temperature=0", "--device=cpu"];
    const notes: string[] = [];
    const output = { write() {}, note: (line: string) => void notes.push(line), terminal: false };
    await generateText(
      [`--model=${model}`, `--adapter=${adapter}`, "--threads=1", ...flags],
      output,
      createWordTokenizer,
    );
    assert.match(notes.at(-1)!, /^\d tokens?, the first after /);
  });
}
