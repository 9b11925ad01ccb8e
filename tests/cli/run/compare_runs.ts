/** A run over HTTP beside the same run in a simulation. */

import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { readServer } from "../../../src/cli/run/admin_flags.ts";
import { create } from "../../../src/cli/run/create.ts";
import { exportAdapter } from "../../../src/cli/run/export.ts";
import { watchRun } from "../../../src/cli/run/watch.ts";
import { sha256Hex } from "../../../src/protocol/hash.ts";
import type { RunStatus } from "../../../src/protocol/http/documents.ts";
import { runCli } from "../command.ts";
import { realServer } from "./real_server.ts";
import { printed } from "./stub_server.ts";

/** What `deno task run create --format json` prints. */
export interface Created {
  readonly run: string;
  readonly invitations: readonly { readonly url: string }[];
}

/** What is compared. */
export interface ComparedRun {
  /** A folder to be made. */
  readonly place: string;
  /** Rows, as JSON Lines. */
  readonly data: string;
  readonly cache: string;
  /** Flags of the run, whoever trains it. */
  readonly training: readonly string[];
  /** Further flags of `deno task split` and `deno task train`. */
  readonly dealt: readonly string[];
  /** Further flags of `deno task run create`, which may look at what was dealt. */
  created(shares: string): readonly string[];
  /** Flags of each client. */
  readonly client?: readonly string[];
  /** Called once the rows are dealt. @param shares each client's file @param data all rows */
  onDealt?(shares: readonly string[], data: string): Promise<void>;
}

/**
 * Trains by three clients of their own processes on the real server, and by `deno task train`; compares the adapters.
 *
 * @returns the folder of the adapter that was exported from the server, and the run's last status.
 */
export async function compareRuns(
  compared: ComparedRun,
): Promise<{ readonly adapter: string; readonly status: RunStatus }> {
  const { place, training, client: clientFlags = [] } = compared;
  await using server = await realServer();
  await Deno.mkdir(place);
  const data = join(place, "rows.jsonl");
  await Deno.writeTextFile(data, compared.data);
  const cache = `--cache-dir=${compared.cache}`;
  const shares = join(place, "shares");
  const dealt = [`--data=${data}`, "--clients=3", ...compared.dealt];
  const dealing = training.filter((flag) => /^--(seed|task)=/.test(flag));
  const split = await runCli("split", [...dealt, ...dealing, `--out=${shares}`]);
  assert.equal(split.code, 0, split.err);
  const files = [1, 2, 3].map((number) => join(shares, `client-0${number}.jsonl`));
  await compared.onDealt?.(files, data);

  const { lines, print } = printed();
  const flags = ["--clients=3", "--format=json", cache, ...server.flags];
  await create.run([...compared.created(shares), ...training, ...flags], print);
  const { run, invitations }: Created = JSON.parse(lines[0]);

  const statuses: RunStatus[] = [];
  const view = { show: (status: RunStatus) => statuses.push(status), lost() {}, close() {} };
  const admin = await readServer({ server: server.url, tokenFile: server.flags[3] });
  // The last bank's score is not waited for: nobody may hold rows out.
  const watching = watchRun(admin, run, view, () => Promise.resolve());
  const clients = await Promise.all(invitations.map(({ url }, client) =>
    runCli("client", [
      `--server=${url}`,
      `--data=${files[client]}`,
      `--name=site ${client}`,
      `--state=${join(place, `state-${client}`)}`,
      "--held-out=0",
      "--device=cpu",
      "--threads=1",
      cache,
      ...clientFlags,
    ])
  ));
  for (const { code, err } of clients) assert.equal(code, 0, err);
  await watching;
  const status = statuses.at(-1)!;
  assert.equal(status.state, "finished");
  assert.ok(statuses.length > 2, "what happened in between was shown too");

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
  await assertSameAdapter(out, join(simulated, "adapter"));
  assert.deepEqual(server.faults, []);
  return { adapter: out, status };
}

async function assertSameAdapter(one: string, other: string): Promise<void> {
  // Digests: what differs between two adapters would fill pages.
  const digest = async (folder: string) =>
    await sha256Hex(await Deno.readFile(join(folder, "adapter_model.safetensors")));
  assert.equal(await digest(one), await digest(other));
  const config = async (folder: string) => {
    // The path of a model's folder is nobody else's business: a manifest has its name alone.
    const { base_model_name_or_path: base, ...rest } = JSON.parse(
      await Deno.readTextFile(join(folder, "adapter_config.json")),
    );
    return { base: basename(base), ...rest };
  };
  assert.deepEqual(await config(one), await config(other));
}
