/** A run as its people live it: administrator and clients at their command lines, on the real server. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { readServer } from "../../../src/cli/run/admin_flags.ts";
import { create } from "../../../src/cli/run/create.ts";
import { evaluators } from "../../../src/cli/run/evaluators.ts";
import { exportAdapter } from "../../../src/cli/run/export.ts";
import { invite } from "../../../src/cli/run/invite.ts";
import { list } from "../../../src/cli/run/list.ts";
import { show } from "../../../src/cli/run/show.ts";
import { stop } from "../../../src/cli/run/stop.ts";
import { watch, watchRun } from "../../../src/cli/run/watch.ts";
import { withdraw } from "../../../src/cli/run/withdraw.ts";
import { builtinCorpus, jsonLines } from "../../../src/data/mod.ts";
import type { RunStatus } from "../../../src/protocol/http/documents.ts";
import { sha256Hex } from "../../../src/protocol/hash.ts";
import { runCli } from "../command.ts";
import { realServer } from "./real_server.ts";
import { printed } from "./stub_server.ts";

const folder = await Deno.makeTempDir({ prefix: "hafl-run-e2e-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const cache = `--cache-dir=${join(folder, "cache")}`;

/** Not the default, so that every command has to be told. */
const seed = "--seed=5";
const small = ["--local-steps=2", "--batch=4", "--seq-len=16"];

interface Created {
  readonly run: string;
  readonly invitations: readonly { readonly url: string }[];
}

/** Trains by three clients of their own processes on the real server, and by `deno task train`; compares the adapters. */
async function compareRuns(name: string, training: readonly string[]): Promise<void> {
  await using server = await realServer();
  const place = join(folder, name);
  await Deno.mkdir(place);
  const data = join(place, "posts.jsonl");
  const rows = builtinCorpus(3, { train: 120, validation: 20, test: 20 });
  await Deno.writeTextFile(data, jsonLines(rows));
  const shares = join(place, "shares");
  const dealt = [`--data=${data}`, "--clients=3", seed];
  const split = await runCli("split", [...dealt, `--out=${shares}`]);
  assert.equal(split.code, 0, split.err);

  const { lines, print } = printed();
  const labels = `--labels=${join(shares, "labels.txt")}`;
  const flags = ["--clients=3", "--format=json", cache, ...server.flags];
  await create.run([labels, ...training, seed, ...flags], print);
  const { run, invitations }: Created = JSON.parse(lines[0]);

  const states: string[] = [];
  const view = { show: ({ state }: RunStatus) => states.push(state), lost() {}, close() {} };
  const admin = await readServer({ server: server.url, tokenFile: server.flags[3] });
  // The last bank's score is not waited for: nobody holds rows out.
  const watching = watchRun(admin, run, view, () => Promise.resolve());
  const clients = await Promise.all(invitations.map(({ url }, client) =>
    runCli("client", [
      `--server=${url}`,
      `--data=${join(shares, `client-0${client + 1}.jsonl`)}`,
      `--name=site ${client}`,
      `--state=${join(place, `state-${client}`)}`,
      "--held-out=0",
      "--device=cpu",
      "--threads=1",
      cache,
    ])
  ));
  for (const { code, err } of clients) assert.equal(code, 0, err);
  await watching;
  assert.equal(states.at(-1), "finished");
  assert.ok(states.length > 2, "what happened in between was shown too");

  const out = join(place, "adapter");
  await exportAdapter.run([run, `--out=${out}`, ...server.flags], () => {});
  const simulated = join(place, "simulated");
  const trained = await runCli("train", [
    ...training,
    ...dealt,
    "--no-eval-test",
    "--threads=1",
    "--device=cpu",
    `--out=${simulated}`,
    cache,
  ]);
  assert.equal(trained.code, 0, trained.err);
  for (const file of ["adapter_model.safetensors", "adapter_config.json"]) {
    // Digests: what differs between two adapters would fill pages.
    const digest = async (folder: string) =>
      await sha256Hex(await Deno.readFile(join(folder, file)));
    assert.equal(await digest(out), await digest(join(simulated, "adapter")), file);
  }
  assert.deepEqual(server.faults, []);
}

Deno.test("a run over HTTP gives the adapter of `deno task train`, byte for byte", () =>
  compareRuns("server-ranks", [...small, "--rounds=2", "--schedule=cosine"]));

Deno.test("so does one whose clients rank for themselves and keep their optimizer", () =>
  compareRuns("client-ranks", [
    ...small,
    "--rounds=3",
    "--warmup-rounds=1",
    "--rank-by=client",
    "--optimizer-state=keep",
    "--method=truncate",
    "--aggregation=zero-pad",
    "--lora-dropout=0.1",
  ]));

Deno.test("the administrator's commands steer a run on the real server", async () => {
  await using server = await realServer();
  const { lines, print } = printed();
  const flags = ["--clients=3", "--seq-len=16", "--name=news", cache, ...server.flags];
  await create.run([...flags, "--serve-model", "--format=json"], print);
  const { run, invitations }: Created = JSON.parse(lines[0]);
  assert.equal(invitations.length, 3);

  const listed = printed();
  await list.run(server.flags, listed.print);
  assert.match(listed.lines[1], new RegExp(`^${run} +news +waiting +0/20 `));

  const again = printed();
  await invite.run([run, "--clients=1", "--format=json", ...server.flags], again.print);
  const [fresh] = JSON.parse(again.lines[0]).invitations;
  assert.equal(fresh.client, 1);
  assert.notEqual(fresh.url, invitations[1].url);
  const scoring = printed();
  await evaluators.run([run, ...server.flags], scoring.print);
  assert.ok(scoring.lines.some((line) => line.startsWith("evaluator 3")), scoring.lines.join("\n"));

  await withdraw.run([run, "2", ...server.flags], print);
  const shown = printed();
  await show.run([run, ...server.flags], shown.print);
  assert.match(shown.lines[0], /"news", waiting: 0 of 3 clients ready$/);
  assert.ok(shown.lines.some((line) => /^client 2 .*withdrawn/.test(line)), shown.lines.join("\n"));

  await stop.run([run, ...server.flags], print);
  const after = printed();
  await watch.run([run, "--format=json", ...server.flags], after.print);
  assert.deepEqual(after.lines.map((line) => JSON.parse(line).state), ["stopped"]);
  await exportAdapter.run([run, `--out=${join(folder, "untrained")}`, ...server.flags], print);

  const unknown = "rabcdefghijklmnop";
  await assert.rejects(stop.run([unknown, ...server.flags], print), (error: Error) => {
    assert.equal(error.name, "RefusedError");
    assert.match(error.message, /^Cannot find run "rabcdefghijklmnop"/);
    return true;
  });
  const token = join(folder, "wrong-token");
  await Deno.writeTextFile(token, "wrong");
  await assert.rejects(
    list.run([`--server=${server.url}`, `--token-file=${token}`], print),
    /^RefusedError: Cannot use the administrator's token of/,
  );
  assert.deepEqual(server.faults, []);
});
