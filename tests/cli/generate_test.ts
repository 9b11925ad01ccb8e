import assert from "node:assert/strict";
import { join } from "node:path";
import { generateText } from "../../src/cli/generate.ts";
import type { TextOutput } from "../../src/cli/generate/output.ts";
import type { CreateTokenizer } from "../../src/cli/generate/prompt.ts";
import { createTokenizer } from "../../src/data/tokenizer.ts";
import { exportPeft, type PeftSettings } from "../../src/lora/peft.ts";
import { readModel } from "../../src/models/mod.ts";
import { createBank } from "../../src/protocol/bank.ts";
import { readJson } from "../models/support.ts";
import { root } from "./command.ts";
import { chatting, idOf, LONG_CONTEXT, writeTinyModel } from "./generate/tiny_model.ts";

const folder = await Deno.makeTempDir({ prefix: "hafl-test-" });
const model = join(folder, "model");
await writeTinyModel(model);
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

/** What a command prints: its text, and the lines beside it. */
async function run(
  args: readonly string[],
  create: CreateTokenizer = createTokenizer,
): Promise<{ text: string; notes: string[] }> {
  let text = "";
  const notes: string[] = [];
  const output: TextOutput = {
    write: (piece) => void (text += piece),
    note: (line) => void notes.push(line),
    terminal: false,
  };
  const flags = args.some((arg) => arg.startsWith("--device")) ? args : [...args, "--device=cpu"];
  await generateText(flags, output, create);
  return { text, notes };
}

const hello = [`--model=${model}`, "--prompt=HELLO", "--max-tokens=20", "--threads=1"];

Deno.test("generate prints the text, and beside it how fast it came", async () => {
  const { text, notes } = await run(hello);
  assert.match(text, /^[!-\]]{20}\n$/);
  assert.equal(notes.length, 1);
  assert.match(
    notes[0],
    /^20 tokens, the first after \d+ ms, then [\d,]+ tokens\/s, CPU.*\(1 thread\)$/,
  );
  assert.equal((await run(hello)).text, text, "the same command gives the same text");
});

Deno.test("generate --format json prints one object with text, tokens and times", async () => {
  const { text, notes } = await run([...hello, "--format=json"]);
  assert.deepEqual(notes, []);
  const lines = text.trimEnd().split("\n");
  assert.equal(lines.length, 1);
  const { firstSeconds, furtherSeconds, tokensPerSecond, device, ...rest } = JSON.parse(lines[0]);
  const plain = (await run(hello)).text.trimEnd();
  assert.deepEqual(rest, {
    prompt: "HELLO",
    promptTokens: 5,
    text: plain,
    tokens: [...plain].map(idOf),
    end: "max tokens",
  });
  assert.ok(firstSeconds > 0 && furtherSeconds > 0 && tokensPerSecond > 0);
  assert.match(device, /^CPU/);
});

Deno.test("generate stops before an end token of generation_config.json", async () => {
  const plain = (await run(hello)).text.trimEnd();
  const place = [...plain].findIndex((letter, i) => i > 2 && plain.indexOf(letter) === i);
  assert.ok(place > 2, plain);
  const ending = join(folder, "ending");
  await writeTinyModel(ending, { endTokens: [idOf(plain[place])] });
  const { text, notes } = await run([...hello, `--model=${ending}`]);
  assert.equal(text, plain.slice(0, place) + "\n");
  assert.match(notes[0], new RegExp(`^${place} tokens, ended by the model, `));
});

Deno.test("generate draws by temperature, top-k, top-p and seed, in every type of the base", async () => {
  const drawn = [...hello, "--temperature=1.5", "--top-k=30", "--top-p=0.95"];
  const { text } = await run([...drawn, "--seed=5"]);
  assert.equal((await run([...drawn, "--seed=5"])).text, text);
  assert.notEqual((await run([...drawn, "--seed=6"])).text, text);
  for (const dtype of ["f16", "int8"]) {
    assert.match((await run([...hello, `--base-dtype=${dtype}`])).text, /^[!-\]]{20}\n$/);
  }
});

Deno.test("generate --chat replies where the template asks for it, to the end of the turn", async () => {
  const chat = join(folder, "chat");
  await writeTinyModel(chat, { special: "&", chatTemplate: "{{ messages }}" });
  const flags = [...hello, `--model=${chat}`];
  const upToMark = async (rendered: string) =>
    (await run([...hello, `--prompt=${rendered}`])).text.split("&")[0].trimEnd();
  const { text, notes } = await run([...flags, "--chat"], chatting("&"));
  assert.equal(text.trimEnd(), await upToMark("U:HELLO&A:"));
  assert.match(notes[0], /^8 tokens, ended by the model, /);
  const told = [...flags, "--chat", "--system=BRIEF"];
  const brief = await run([...told, "--format=json"], chatting("&"));
  const { prompt, promptTokens, text: reply, end } = JSON.parse(brief.text);
  assert.deepEqual([prompt, promptTokens, end], ["HELLO", 18, "end token"]);
  assert.equal(reply, await upToMark("S:BRIEF&U:HELLO&A:"));
  assert.notEqual(reply, text.trimEnd());
});

Deno.test("generate says why a text does not end by a token", async () => {
  const chatTemplate = "{{ messages }}";
  const strange = join(folder, "strange");
  await writeTinyModel(strange, { endTokens: [idOf("]"), 61], chatTemplate });
  const flags = [...hello, `--model=${strange}`];
  const stranger =
    "The model's files name the end token 61, which its vocabulary of 61 does not have: it ends no text";
  assert.deepEqual((await run(flags)).notes.slice(0, -1), [stranger]);
  const endless = join(folder, "endless");
  await writeTinyModel(endless, { chatTemplate });
  const { text, notes } = await run([...hello, `--model=${endless}`, "--chat"], chatting("&"));
  assert.match(notes[0], /^The chat template ends a reply with no special token, so that it may /);
  assert.ok(text.includes("&"), "a mark that is no special token is text");
});

Deno.test("generate --chat says in one line what is wrong", async () => {
  const refused = async (message: RegExp, model: string, ...flags: string[]) => {
    const args = [...hello, `--model=${model}`, ...flags];
    await assert.rejects(run(args, chatting("&")), message);
  };
  await refused(/^UserError: Cannot use --system without --chat: /, model, "--system=BRIEF");
  await refused(
    /^UserError: Cannot use --chat: the tokenizer "tokenizer" has no chat template; expected chat_te/,
    model,
    "--chat",
  );
  const chat = join(folder, "failing");
  await writeTinyModel(chat, { chatTemplate: "{{ messages }}" });
  await refused(
    /^UserError: Cannot ask for a reply: the chat template failed: no$/,
    chat,
    "--chat",
    "--prompt=FAIL",
  );
});

/** A folder with an adapter of rank 2 on the model's attention. */
async function writeAdapter(name: string, settings: Partial<PeftSettings> = {}): Promise<string> {
  const { modules, defaultTargets } = readModel(readJson(join(model, "config.json")));
  const targets = modules.filter(({ name }) => defaultTargets.test(name));
  const bank = createBank({ modules: targets, rank: 2, alpha: 2, seed: 1, head: [] });
  for (const { b } of bank.modules) b.fill(1);
  const files = exportPeft(bank, { baseModel: model, loraDropout: 0, ...settings });
  await Deno.mkdir(join(folder, name), { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(join(folder, name, path), bytes);
  }
  return `--adapter=${join(folder, name)}`;
}

Deno.test("generate --adapter continues by the adapted model, with a note where its base had another name", async () => {
  const adapted = await run([...hello, await writeAdapter("adapter")]);
  assert.notEqual(adapted.text, (await run(hello)).text);
  assert.equal(adapted.notes.length, 1);
  const { text, notes } = await run([...hello, await writeAdapter("other", { baseModel: "a/b" })]);
  assert.equal(text, adapted.text);
  assert.match(notes[0], /^The adapter was trained on "a\/b", and is used with "/);
});

Deno.test("generate says in one line what is wrong", async () => {
  const refused = async (message: RegExp, ...flags: string[]) => {
    await assert.rejects(run([...hello, ...flags]), message);
  };
  await refused(
    /^UserError: .* 19996 tokens after a prompt of 5: expected at most 20000 in all/,
    `--max-tokens=${LONG_CONTEXT - 4}`,
  );
  await refused(/^UserError: Cannot continue --prompt "": it has no tokens/, "--prompt=");
  await refused(
    /^UserError: Cannot continue a prompt of 20000 tokens: expected fewer than the 20000 that /,
    `--prompt=${"A".repeat(LONG_CONTEXT)}`,
  );
  await refused(/^UserError: Cannot use --temperature: .* at least 0, got -1$/, "--temperature=-1");
  await refused(
    /^UserError: Cannot use --top-p: .* at most 1, got 1.5$/,
    "--temperature=1",
    "--top-p=1.5",
  );
  await refused(
    /^UserError: Cannot use --top-k: .* at least 1, got 0$/,
    "--temperature=1",
    "--top-k=0",
  );
  await refused(/^UserError: Cannot use --top-k at temperature 0, /, "--top-k=3");
  await refused(
    /^UserError: .* a model of family "bert", an encoder: expected a decoder/,
    `--model=${root}tests/golden/bert`,
  );
  const stranger = await writeAdapter("stranger", { baseHash: "ab".repeat(32) });
  await refused(
    /^PeftError: .* expected the base ".*" of hash abababababab, got [0-9a-f]{12}$/,
    stranger,
  );
  const damaged = await writeAdapter("damaged");
  const tensors = join(folder, "damaged", "adapter_model.safetensors");
  await Deno.truncate(tensors, 100);
  await refused(/^UserError: Cannot read safetensors: .* \(in adapter ".*damaged"\)$/, damaged);
  await assert.rejects(
    run(["--prompt=A"]),
    /^UserError: Cannot generate text with the built-in base, an encoder: name a decoder/,
  );
  await assert.rejects(
    run([`--model=${model}`]),
    /^UserError: Cannot use deno task generate without --prompt <text>: see --help$/,
  );
});

const program = new URL("./generate/tiny_program.ts", import.meta.url).pathname;

function start(...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-lock",
      "-A",
      program,
      `--model=${model}`,
      "--device=cpu",
      "--threads=1",
      ...args,
    ],
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

Deno.test("generate ends with status 130 and what there is when it is interrupted", async () => {
  const child = start("--prompt=HELLO", `--max-tokens=${LONG_CONTEXT - 5}`);
  const reader = child.stdout.getReader();
  const pieces = [(await reader.read()).value!];
  child.kill("SIGINT");
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    pieces.push(next.value);
  }
  const err = await new Response(child.stderr).text();
  assert.equal((await child.status).code, 130, err);
  assert.match(err, /^Stopped after [\d,]+ tokens?\n$/);
  const text = await new Blob(pieces).text();
  assert.match(text, /^[!-\]]+\n$/, "the text ends with its line");
});

Deno.test("generate ends quietly when nobody reads on", async () => {
  const child = start("--prompt=HELLO", `--max-tokens=${LONG_CONTEXT - 5}`);
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  const err = await new Response(child.stderr).text();
  assert.deepEqual([(await child.status).code, err], [0, ""]);
});
