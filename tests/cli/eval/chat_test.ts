import assert from "node:assert/strict";
import { join } from "node:path";
import { evaluateModels } from "../../../src/cli/eval.ts";
import type { LanguageEvaluation } from "../../../src/cli/eval/result.ts";
import type { CreateTokenizer } from "../../../src/cli/generate/prompt.ts";
import { createTokenizer } from "../../../src/data/tokenizer.ts";
import { readModel } from "../../../src/models/mod.ts";
import { readJson } from "../../models/support.ts";
import { chatting, writeTinyModel } from "../generate/tiny_model.ts";
import { writeAdapter, writeRows } from "./tiny_adapters.ts";

const folder = await Deno.makeTempDir({ prefix: "hafl-test-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const path = join(folder, "model");
await writeTinyModel(path, { special: "&", chatTemplate: "{{ messages }}" });
const model = readModel(readJson(join(path, "config.json")));

/** A conversation of messages that the user begins. */
function conversation(...contents: string[]): object {
  const messages = contents.map((content, i) => ({
    role: i % 2 === 0 ? "user" : "assistant",
    content,
  }));
  return { messages };
}

const data = await writeRows(join(folder, "chats.jsonl"), [
  { ...conversation("HELLO", "AB", "MORE", "C"), split: "test" },
  { ...conversation("X", "YES", "BYE"), split: "test" },
  { ...conversation("NOT", "THIS"), split: "train" },
]);

async function run(
  args: readonly string[],
  create: CreateTokenizer = chatting("&"),
): Promise<{ text: string; notes: string[] }> {
  const lines: string[] = [];
  const notes: string[] = [];
  await evaluateModels(
    [
      "--task=chat",
      `--model=${path}`,
      `--data=${data}`,
      "--seq-len=32",
      "--device=cpu",
      "--threads=1",
      `--cache-dir=${folder}/cache`,
      ...args,
    ],
    { print: (line) => lines.push(line), note: (line) => notes.push(line), progress: () => {} },
    create,
  );
  return { text: lines.join("\n"), notes };
}

async function measured(...args: string[]): Promise<LanguageEvaluation> {
  return JSON.parse((await run(["--format=json", ...args])).text);
}

Deno.test("eval --task chat tells the perplexity of the replies, of base and adapter side by side", async () => {
  const adapter = await writeAdapter(join(folder, "adapter"), model, { b: 1, baseModel: path });
  const result = await measured(`--adapter=${adapter}`);
  const { models: [alone, adapted], task, rows, tokens } = result;
  assert.deepEqual([task, rows, tokens], ["chat", 2, 9], "AB&, C& and YES&");
  assert.ok(Math.abs(alone.loss - adapted.loss) > 1e-3, `${alone.loss}, ${adapted.loss}`);
  for (const { loss, perplexity } of result.models) assert.equal(perplexity, Math.exp(loss));
  const unpacked = await measured(`--adapter=${adapter}`, "--no-packing");
  assert.equal(unpacked.tokens, tokens);
  assert.ok(Math.abs(unpacked.models[1].loss / adapted.loss - 1) < 1e-5);
});

Deno.test("eval --task chat prints a table of conversations, cut at --seq-len", async () => {
  const { text } = await run(["--seq-len=13"]);
  assert.match(
    text,
    /^Data {5}chats\.jsonl: 2 test conversations, 7 tokens predicted \(--task chat --seq-len 13\)$/m,
  );
});

Deno.test("eval --task chat strips nothing, whatever the adapter was trained without", async () => {
  const { models } = await measured();
  const reading = { seqLen: 32, strip: ["headers", "quotes"] };
  const adapter = await writeAdapter(join(folder, "stripped"), model, {
    ...{ b: 0, baseModel: path, reading },
  });
  assert.deepEqual((await measured(`--adapter=${adapter}`)).models[0], models[0]);
});

Deno.test("eval --task chat says in one line what is wrong", async () => {
  const refused = async (message: RegExp, ...args: string[]) => {
    await assert.rejects(run(args), message);
  };
  await refused(
    /^UserError: Cannot evaluate on "chats\.jsonl": its texts have no token to predict within 4/,
    "--seq-len=4",
  );
  const failing = await writeRows(join(folder, "failing.jsonl"), [
    { id: "a1", ...conversation("FAIL", "NO") },
  ]);
  await refused(
    /^DataError: Cannot use the conversation of row "a1": the chat template failed: no$/,
    `--data=${failing}`,
  );
  const texts = await writeRows(join(folder, "texts.jsonl"), [{ text: "HELLO" }]);
  await refused(
    /^DataError: .* expected a column "messages", got "text" on line 1/,
    `--data=${texts}`,
  );
  const plain = join(folder, "plain");
  await writeTinyModel(plain);
  await refused(
    /^UserError: Cannot use --task chat: .* has no chat template; /,
    `--model=${plain}`,
  );
  await assert.rejects(
    run(["--cache-dir", join(folder, "empty")], createTokenizer),
    /^DataError: Cannot read conversations: /,
  );
});
