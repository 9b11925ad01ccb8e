/** A run as its people live it: administrator and clients at their command lines, on the real server. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { create } from "../../../src/cli/run/create.ts";
import { evaluators } from "../../../src/cli/run/evaluators.ts";
import { exportAdapter } from "../../../src/cli/run/export.ts";
import { invite } from "../../../src/cli/run/invite.ts";
import { list } from "../../../src/cli/run/list.ts";
import { show } from "../../../src/cli/run/show.ts";
import { stop } from "../../../src/cli/run/stop.ts";
import { watch } from "../../../src/cli/run/watch.ts";
import { withdraw } from "../../../src/cli/run/withdraw.ts";
import { builtinCorpus, jsonLines } from "../../../src/data/mod.ts";
import { compareRuns, type Created } from "./compare_runs.ts";
import { realServer } from "./real_server.ts";
import { printed } from "./stub_server.ts";

const folder = await Deno.makeTempDir({ prefix: "hafl-run-e2e-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const cache = `--cache-dir=${join(folder, "cache")}`;

const small = ["--local-steps=2", "--batch=4", "--seq-len=16"];

/** Compares the adapters of a classifier that is trained over HTTP and by `deno task train`. */
async function compareClassifiers(name: string, training: readonly string[]): Promise<void> {
  const place = join(folder, name);
  const rows = builtinCorpus(3, { train: 120, validation: 20, test: 20 });
  await compareRuns({
    place,
    data: jsonLines(rows),
    cache: join(folder, "cache"),
    training: [...training, "--seed=5"], // not the default, so that every command has to be told
    dealt: [],
    created: (shares) => [`--labels=${join(shares, "labels.txt")}`],
  });
}

Deno.test("a run over HTTP gives the adapter of `deno task train`, byte for byte", () =>
  compareClassifiers("server-ranks", [...small, "--rounds=2", "--schedule=cosine"]));

Deno.test("so does one whose clients rank for themselves and keep their optimizer", () =>
  compareClassifiers("client-ranks", [
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
