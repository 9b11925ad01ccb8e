/** Federations of processes: a server, and clients with data of their own. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { runCli } from "../command.ts";
import { type Running, type ServerProcess, start, startServer } from "./processes.ts";

const folder = await Deno.makeTempDir({ prefix: "hafl-federation-test-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const cache = `--cache-dir=${join(folder, "cache")}`;
const shares = join(folder, "shares");

/** Everything that makes a run what it is, as small as can be. */
const settings = ["--clients=3", "--local-steps=2", "--batch=4", "--seq-len=16", "--ranks=2,4,8"];

async function command(name: string, args: readonly string[]): Promise<string> {
  const { code, out, err } = await runCli(name, args);
  assert.equal(code, 0, `${name} ${args.join(" ")}: ${err}${out}`);
  return out;
}

await command("split", ["--clients=3", "--validation=40", `--out=${shares}`]);

/** A run's invitations, in the order of its clients. */
async function createRun(
  server: ServerProcess,
  flags: readonly string[],
): Promise<{ run: string; invitations: string[] }> {
  const out = await command("run", ["create", ...server.admin, ...flags, "--format=json", cache]);
  const { run, invitations } = JSON.parse(out.trim().split("\n").at(-1)!);
  return { run, invitations: invitations.map(({ url }: { url: string }) => url) };
}

/** Flags of a client of a run, which is the owner of share `client`. */
function clientFlags(place: string, client: number): string[] {
  return [
    `--data=${join(shares, `client-0${client + 1}.jsonl`)}`,
    `--name=client ${client}`,
    `--state=${join(folder, place, `state-${client}`)}`,
    `--out=${join(folder, place, `adapter-${client}`)}`,
    "--held-out=0",
    ...machine,
  ];
}

const machine = ["--device=cpu", "--threads=1", cache];

const startClient = (args: readonly string[]): Running => start("src/cli/client.ts", args);

async function ended(clients: readonly Running[]): Promise<void> {
  for (const client of clients) {
    const { code, err, out } = await client.ended;
    assert.equal(code, 0, err + out);
  }
}

async function assertSameAdapter(place: string, simulated: string): Promise<void> {
  for (const client of [0, 1, 2]) {
    for (const name of ["adapter_model.safetensors", "adapter_config.json"]) {
      const [own, expected] = await Promise.all([
        Deno.readFile(join(folder, place, `adapter-${client}`, name)),
        Deno.readFile(join(folder, simulated, "adapter", name)),
      ]);
      assert.equal(own.toHex(), expected.toHex(), `${name} of client ${client}`);
    }
  }
}

const simulate = (out: string, flags: readonly string[]) =>
  command("train", [
    ...settings,
    ...flags,
    "--validation=40",
    "--no-eval-test",
    ...machine,
    `--out=${join(folder, out)}`,
  ]);

Deno.test("three client processes train the adapter of a simulation, byte for byte", async () => {
  await using server = await startServer(join(folder, "data"));
  const rounds = ["--rounds=2"];
  const { invitations } = await createRun(server, [...settings, ...rounds]);
  const clients = invitations.map((invitation, client) =>
    startClient([`--server=${invitation}`, ...clientFlags("plain", client)])
  );
  await simulate("simulated", rounds);
  await ended(clients);
  const [, second] = clients;
  assert.match(second.lines.join("\n"), /^Client {3}client 1, client 1 of rank 4; /m);
  assert.match(second.lines.join("\n"), /^round 1\/2 .*\nround 2\/2 .*\nThe run has ended/m);
  await assertSameAdapter("plain", "simulated");

  // A client of a run that has ended gets its adapter again.
  await Deno.remove(join(folder, "plain", "adapter-0"), { recursive: true });
  const again = await command("client", [
    `--state=${join(folder, "plain", "state-0")}`,
    ...machine,
  ]);
  assert.match(again, /The run has ended after 2 rounds/);
  await assertSameAdapter("plain", "simulated");
});

Deno.test("clients with memories, killed and started again with their server, train the adapter of a simulation", async () => {
  await using server = await startServer(join(folder, "data-of-killed"));
  const method = [
    "--rounds=4",
    "--rank-by=client",
    "--warmup-rounds=1",
    "--method=truncate",
    "--optimizer-state=keep",
  ];
  const { invitations } = await createRun(server, [...settings, ...method]);
  const clients = invitations.map((invitation, client) =>
    startClient([`--server=${invitation}`, ...clientFlags("killed", client)])
  );
  await clients[1].line(/^round 1\/4/);
  clients[1].process.kill("SIGKILL");
  await clients[1].ended;
  await server.kill();
  await clients[0].line(/^Cannot reach http:.*; trying again$/);
  await server.restart();
  clients[1] = startClient([`--state=${join(folder, "killed", "state-1")}`, "--threads=2", cache]);
  await simulate("simulated-memories", method);
  await ended(clients);
  assert.match(clients[0].lines.join("\n"), /can be reached again\n/);
  await assertSameAdapter("killed", "simulated-memories");
});

Deno.test("clients and evaluators score every bank, and clients get the rank they can bear", async () => {
  await using server = await startServer(join(folder, "data-of-scores"));
  const { run, invitations } = await createRun(server, [
    ...settings,
    "--clients=2",
    "--ranks=auto:2,8",
    "--deadline=2h",
    "--rounds=2",
    "--serve-model",
  ]);
  const out = await command("run", ["evaluators", run, ...server.admin, "--format=json"]);
  const [{ url }] = JSON.parse(out.trim().split("\n").at(-1)!).invitations;
  const evaluator = startClient([
    `--server=${url}`,
    "--evaluate",
    `--data=${join(shares, "held-out.jsonl")}`,
    "--name=public test",
    `--state=${join(folder, "scores", "evaluator")}`,
    ...machine,
  ]);
  await evaluator.line(/^after round 0\/2 /);
  const clients = invitations.map((invitation, client) =>
    startClient([
      `--server=${invitation}`,
      ...clientFlags("scores", client),
      "--held-out=0.1",
      "--model=server",
    ])
  );
  await ended([...clients, evaluator]);
  assert.match(clients[0].lines.join("\n"), /client 0 of rank 8; .* held out/);
  // They share a cache, so that one of them may find the files of the other.
  const told = clients.map(({ lines }) => lines.join("\n")).join("\n");
  assert.match(told, /^Downloading model.safetensors$/m);
  assert.match(clients[0].lines.join("\n"), /^round 2\/2 .* held-out +\d+\.\d % /m);

  const shown = await command("run", ["show", run, ...server.admin, "--format=json"]);
  const { published } = JSON.parse(shown.trim().split("\n").at(-1)!);
  assert.equal(published.length, 3);
  for (const { round, heldOut, evaluators } of published) {
    assert.equal(heldOut?.parties, 2, `clients after round ${round}`);
    assert.equal(evaluators?.parties, 1, `evaluators after round ${round}`);
  }
});

Deno.test("a client ends at Ctrl-C while it waits and while it trains, and goes on where it was", async () => {
  await using server = await startServer(join(folder, "data-of-interrupted"));
  const { invitations } = await createRun(server, [
    "--clients=1",
    "--ranks=2",
    "--rounds=2",
    "--local-steps=200",
    "--batch=16",
    "--seq-len=64",
  ]);
  const [invitation] = invitations;
  const flags = clientFlags("interrupted", 0);
  const first = startClient([`--server=${invitation}`, ...flags]);
  await first.line(/^State /);
  first.process.kill("SIGINT");
  const { code, err } = await first.ended;
  // A fast machine may have ended the run before the signal came.
  if (code !== 0) {
    assert.equal(code, 130, err);
    assert.match(err, /^Stopped; go on with: deno task client --name "client 0" --state ".*"$/m);
  }
  await server.kill();
  const second = startClient([`--state=${join(folder, "interrupted", "state-0")}`, ...machine]);
  await second.line(/^Cannot reach/);
  second.process.kill("SIGINT");
  assert.equal((await second.ended).code, 130);
});
