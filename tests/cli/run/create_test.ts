import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { create } from "../../../src/cli/run/create.ts";
import { prepareFederation } from "../../../src/federated/prepare.ts";
import { initialBank } from "../../../src/federated/federation.ts";
import { completeRunConfig } from "../../../src/federated/complete_run_config.ts";
import { builtinCorpus, createTokenizer } from "../../../src/data/mod.ts";
import { encodeBank } from "../../../src/protocol/bank_codec.ts";
import { sha256Hex } from "../../../src/protocol/hash.ts";
import type { RunManifest } from "../../../src/protocol/manifest.ts";
import { builtInBase } from "../../../src/weights/built_in_base.ts";
import { modelHash } from "../../../src/weights/mod.ts";
import { servedModelHash } from "../../../src/protocol/served_model.ts";
import { languageTasks } from "../../../src/protocol/task.ts";
import { decoderContents } from "../../federated/remote/language_support.ts";
import { withFolder } from "../../temp_folder.ts";
import { type Answer, printed, problem, stubServer } from "./stub_server.ts";

const folder = await Deno.makeTempDir({ prefix: "hafl-run-create-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

async function file(name: string, content: string): Promise<string> {
  await Deno.writeTextFile(join(folder, name), content);
  return join(folder, name);
}

async function writeDecoder(folder: string): Promise<void> {
  for (const [name, content] of Object.entries(decoderContents)) {
    const path = join(folder, name);
    if (typeof content === "string") await Deno.writeTextFile(path, content);
    else await Deno.writeFile(path, content);
  }
}

const accepted: Readonly<Record<string, Answer>> = {
  "POST /v1/runs": () => ({ run: "rabc" }),
  "PUT /v1/runs/rabc/bank": () => undefined,
  "POST /v1/runs/rabc/invitations": () =>
    [0, 1, 2].map((client) => ({ client, role: "client", token: `secret-${client}` })),
};

const three = ["--clients=3", "--seq-len=16", "--rounds=2", "--name=news"];

function manifestIn(body: Uint8Array): RunManifest {
  return JSON.parse(new TextDecoder().decode(body));
}

Deno.test("create uploads manifest and bank and prints an invitation for each client", async () => {
  await using server = await stubServer(accepted);
  const { lines, print } = printed();
  await create.run([...three, "--quorum=2", "--deadline=90", ...server.flags], print);

  const [created, bank, invited] = server.asked;
  assert.equal(server.asked.length, 3);
  assert.deepEqual(
    server.asked.map(({ authorization }) => authorization),
    ["Bearer secret", "Bearer secret", "Bearer secret"],
  );
  const manifest = manifestIn(created.body);
  assert.equal(manifest.name, "news");
  assert.equal(manifest.labels.length, 20, "those of the built-in corpus");
  assert.deepEqual(manifest.ranks, { kind: "fixed", ranks: [2, 4, 8] });
  assert.deepEqual(manifest.participation, {
    seats: 3,
    start: 3,
    perRound: 3,
    overSelection: 1,
    quorum: 2,
    deadlineSeconds: 90,
  });
  assert.equal(manifest.model.hash, await modelHash(builtInBase()));

  // `deno task train` with the same settings starts from the same bytes.
  const { federation } = await prepareFederation({
    config: completeRunConfig({ clients: 3, seqLen: 16, rounds: 2 }),
    files: builtInBase(),
    data: builtinCorpus(20, { train: 40, test: 20 }),
    createTokenizer,
  });
  assert.deepEqual(bank.body, new Uint8Array(encodeBank(initialBank(federation))));
  assert.equal(new TextDecoder().decode(invited.body), "{}");

  assert.ok(lines.includes(`Run      rabc "news" on ${server.url}`), lines.join("\n"));
  assert.ok(lines.includes(`client 0  2     ${server.url}/#rabc.0.secret-0`), lines.join("\n"));
  assert.ok(lines.includes(`client 2  8     ${server.url}/#rabc.2.secret-2`));
});

Deno.test("create --format json prints one object, for programs", async () => {
  await using server = await stubServer(accepted);
  const { lines, print } = printed();
  await create.run([...three, "--ranks=stated", "--format=json", ...server.flags], print);
  assert.equal(lines.length, 1);
  const { invitations, ...facts } = JSON.parse(lines[0]);
  assert.deepEqual(facts, { run: "rabc", name: "news", server: server.url });
  assert.deepEqual(invitations[1], {
    client: 1,
    role: "client",
    rank: null,
    url: `${server.url}/#rabc.1.secret-1`,
  });
  const manifest = manifestIn(server.asked[0].body);
  assert.deepEqual(manifest.ranks, { kind: "stated" });
  assert.equal(manifest.layout.rank, 8);
});

Deno.test("create takes the label set from names, a file, or the data, of which nothing is sent", async () => {
  await using server = await stubServer(accepted);
  const { print } = printed();
  const names = await file("labels.txt", "sport\nmoney\n");
  const csv = await file(
    "posts.csv",
    "text,label\ngoal,sport\nrates,money\nfilm,arts\nmatch,sport\nbank,money\nsong,arts\n",
  );
  for (const flags of [["--labels=b,a"], [`--labels=${names}`], [`--data=${csv}`]]) {
    await create.run([...three, ...flags, ...server.flags], print);
  }
  const manifests = server.asked.filter(({ path }) => path === "/v1/runs")
    .map(({ body }) => manifestIn(body));
  assert.deepEqual(manifests.map(({ labels }) => labels), [
    ["b", "a"],
    ["sport", "money"],
    ["arts", "money", "sport"],
  ]);
  for (const { body } of server.asked) {
    assert.ok(!new TextDecoder().decode(body).includes(folder), "no path of this machine");
  }
});

Deno.test("create --task lm and chat need a decoder alone: no labels, no data", () =>
  withFolder(async (folder) => {
    await writeDecoder(folder);
    await using server = await stubServer(accepted);
    for (const task of languageTasks) {
      const { lines, print } = printed();
      const flags = [`--task=${task}`, `--model=${folder}`, "--clients=3", "--seq-len=12"];
      await create.run([...flags, ...server.flags], print);
      const manifest = manifestIn(server.asked.findLast(({ path }) => path === "/v1/runs")!.body);
      assert.deepEqual([manifest.task, manifest.labels], [task, []]);
      assert.equal(manifest.name, basename(folder), "after the model, as there is no data");
      assert.match(lines[1], new RegExp(`rank 8, ${task === "lm" ? "language" : "chat"} model$`));
      const asked = server.asked.length;
      const refused: Readonly<Record<string, RegExp>> = {
        "--labels=a,b":
          /^UserError: Cannot use --labels with --task .*: a language model has no lab/,
        "--data=x.jsonl":
          /^UserError: Cannot use --data with --task .*its texts are with the clien/,
        "--text-column=t": /^UserError: Cannot use --text-column with --task/,
        "--pooling=last": /^UserError: Cannot use --pooling with --task .*: it has no effect there/,
        "--method=head": /^UserError: Cannot use --method head with --task/,
      };
      for (const [flag, message] of Object.entries(refused)) {
        await assert.rejects(create.run([...flags, flag, ...server.flags], print), message);
      }
      assert.equal(server.asked.length, asked);
    }
    await assert.rejects(
      create.run(["--task=lm", ...three, ...server.flags], () => {}),
      /^UserError: Cannot use --task lm with a model of family "bert", an encoder: expected a decod/,
    );
    await assert.rejects(
      create.run(["--no-packing", ...three, ...server.flags], () => {}),
      /^UserError: Cannot use --no-packing with --task classify: it has no effect there, only with/,
    );
  }));

Deno.test("create --serve-model uploads what the server lacks", async () => {
  const hash = await modelHash(builtInBase());
  const config = await (await builtInBase().open("config.json"))!.size();
  const model = `/v1/models/${hash}/files`;
  const put = ["model.safetensors", "tokenizer.json", "tokenizer_config.json"];
  await using server = await stubServer({
    ...accepted,
    [`GET ${model}`]: () => [{ path: "config.json", size: config }],
    ...Object.fromEntries(put.map((path) => [`PUT ${model}/${path}`, () => undefined])),
  });
  const { print } = printed();
  await create.run([...three, "--serve-model", ...server.flags], print);
  const uploads = server.asked.filter(({ method, path }) =>
    method === "PUT" && path.startsWith(model)
  );
  assert.deepEqual(uploads.map(({ path }) => path), put.map((path) => `${model}/${path}`));
  const weights = await (await builtInBase().open("model.safetensors"))!;
  const sent = await sha256Hex(uploads[0].body);
  assert.equal(sent, await sha256Hex(await weights.read(0, await weights.size())));
});

Deno.test("create --task chat --serve-model uploads to where this chat template is looked for", () =>
  withFolder(async (folder) => {
    await writeDecoder(folder);
    await using server = await stubServer(accepted);
    const flags = ["--task=chat", `--model=${folder}`, "--seq-len=12", ...three];
    await create.run([...flags, ...server.flags], () => {});
    const { model } = manifestIn(server.asked[0].body);
    const asked = server.asked.length;
    // The stub has no such place, and the path that is asked for tells it.
    await assert.rejects(create.run([...flags, "--serve-model", ...server.flags], () => {}), {
      name: "RefusedError",
    });
    const { path } = server.asked[asked + 1];
    assert.equal(path.split("/")[3], await servedModelHash(model));
  }));

Deno.test("create leaves no draft behind when the bank is refused", async () => {
  await using server = await stubServer({
    ...accepted,
    "PUT /v1/runs/rabc/bank": () => problem(413, "too-large", "Cannot take the bank: too large"),
    "POST /v1/runs/rabc/stop": () => undefined,
  });
  await assert.rejects(create.run([...three, ...server.flags], () => {}), {
    name: "RefusedError",
    message: "Cannot take the bank: too large",
  });
  assert.equal(server.asked.at(-1)!.path, "/v1/runs/rabc/stop");
});

Deno.test("create tells which run it made, though its invitations fail", async () => {
  await using server = await stubServer({
    ...accepted,
    "POST /v1/runs/rabc/invitations": () => problem(503, "busy", "Cannot invite: too much at once"),
  });
  for (const format of ["text", "json"]) {
    await assert.rejects(create.run([...three, `--format=${format}`, ...server.flags], () => {}), {
      name: "UserError",
      message: "Cannot invite: too much at once; run rabc is created, invite its clients with: " +
        "deno task run invite rabc",
    });
  }
});

Deno.test("create refuses settings before it asks the server for anything", async () => {
  await using server = await stubServer(accepted);
  const refused: Readonly<Record<string, RegExp>> = {
    "--ranks=2,x": /^UserError: Cannot use --ranks: expected a list such as/,
    "--ranks=2,16 --rank=8": /^UserError: Cannot give a client rank 16/,
    "--ranks=1,2,3,4": /^UserError: Cannot deal 4 ranks/,
    "--quorum=4": /^UserError: Cannot use --quorum 4: expected a whole number of 1 to 3/,
    "--labels=only,": /^UserError: Cannot use --labels: expected at least two names/,
    "--deadline=soon": /^UserError: Cannot use --deadline/,
    "--strip=headers": /^UserError: Unknown flag "--strip=headers"/,
    "--method=centralised": /^UserError: Cannot use --pooled true in a run over HTTP/,
    "--method=flora": /^UserError: Cannot use --aggregation flora in a run over HTTP: only a sim/,
    "--method=local": /^UserError: Cannot use --aggregation local in a run over HTTP: only a sim/,
    "--method=full": /^RankError: Cannot use full \+ adaptive: expected every client at rank/,
  };
  for (const [flags, message] of Object.entries(refused)) {
    await assert.rejects(
      create.run([...three, ...flags.split(" "), ...server.flags], () => {}),
      message,
      flags,
    );
  }
  assert.equal(server.asked.length, 0);
});
