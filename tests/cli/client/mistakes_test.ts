/** What a person can do wrong: one line, exit code 2, and a state that still works once it is mended. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { root, runCli } from "../command.ts";
import { problem } from "../../federated/remote/fake_server.ts";
import { type ServerProcess, start, startServer } from "./processes.ts";

const folder = await Deno.makeTempDir({ prefix: "hafl-client-mistakes-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const machine = ["--device=cpu", "--threads=1", `--cache-dir=${join(folder, "cache")}`];

async function write(name: string, rows: readonly (readonly [string, string])[]): Promise<string> {
  const path = join(folder, name);
  const lines = rows.map(([text, label]) => JSON.stringify({ text, label }));
  await Deno.writeTextFile(path, lines.join("\n") + "\n");
  return path;
}

const data = await write("rows.jsonl", [["one", "a"], ["two", "b"], ["three", "a"]]);

/** Runs a client that has to end by one line that matches. */
async function mistake(name: string, args: readonly string[], expected: RegExp): Promise<void> {
  const state = `--state=${join(folder, "states", name)}`;
  const { code, err } = await runCli("client", [`--name=${name}`, state, ...machine, ...args]);
  assert.match(err, expected, name);
  assert.equal(err.trim().split("\n").length, 1, err);
  assert.equal(code, 2, err);
}

async function createRun(
  server: ServerProcess,
  flags: readonly string[] = [],
): Promise<{ run: string; invitations: string[] }> {
  const small = ["--clients=1", "--ranks=2", "--local-steps=1", "--batch=2", "--seq-len=8"];
  const args = ["create", ...server.admin, ...small, "--labels=a,b", "--rounds=1", ...flags];
  const { code, out, err } = await runCli("run", [...args, "--format=json"]);
  assert.equal(code, 0, err);
  const { run, invitations } = JSON.parse(out.trim().split("\n").at(-1)!);
  return { run, invitations: invitations.map(({ url }: { url: string }) => url) };
}

/** A server that gives every request the same answer. */
async function withAnswer(
  answer: (route: string) => Response,
  body: (server: string) => Promise<void>,
): Promise<void> {
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
  }, (request) => answer(new URL(request.url).pathname));
  try {
    await body(`http://127.0.0.1:${server.addr.port}/#run.0.token`);
  } finally {
    await server.shutdown();
  }
}

Deno.test("client refuses flags and invitations that cannot be right, before it asks anybody", async () => {
  const server = "--server=http://127.0.0.1:9/#run.0.token";
  await Promise.all([
    mistake("none", [`--data=${data}`], /holds none yet; give the invitation with --server/),
    mistake("cut", ["--server=http://host/#run", `--data=${data}`], /expected #run\.client\.token/),
    mistake("nodata", [server], /--data/),
    mistake("absent", [server, "--data=absent.jsonl"], /absent\.jsonl": no such file/),
    mistake("held", [server, "--held-out=1"], /--held-out/),
    mistake("folder", [server, `--data=${data}`, `--state=${root}`], /got other files/),
  ]);
});

Deno.test("client refuses a clock that is off, a server of another version, and no server at all", async () => {
  const serverTime = Date.now() + 3600_000 * 3;
  await withAnswer(
    () => problem("clock-skew", 401, { serverTime }),
    (server) =>
      mistake(
        "clock",
        [`--server=${server}`, `--data=${data}`],
        /clock is (3 h|2 h 59 min).* behind/,
      ),
  );
  await withAnswer(
    (route) => {
      const enrolling = route.endsWith("/enrolments");
      return Response.json(enrolling ? { client: 0, role: "client" } : { kind: "hafl-manifest-9" });
    },
    (server) =>
      mistake("version", [`--server=${server}`, `--data=${data}`], /of another version .*-9"/),
  );
  await withAnswer(
    () => new Response("<html>", { status: 404 }),
    (server) => mistake("page", [`--server=${server}`, `--data=${data}`], /is it a HAFL server\?/),
  );
});

Deno.test("client refuses what does not fit the run, and goes on once it is mended", async () => {
  await using server = await startServer(join(folder, "data"));
  const { run, invitations: [invitation] } = await createRun(server);
  const other = await createRun(server);
  const wrong = invitation.replace(/[^.]*$/, "wrong");
  const stray = await write("stray.jsonl", [["one", "a"], ["two", "c"]]);
  const otherBase = join(folder, "other-base");
  await Deno.mkdir(otherBase);
  for (const name of ["config.json", "model.safetensors", "tokenizer.json"]) {
    await Deno.copyFile(join(root, "base", name), join(otherBase, name));
  }
  const config = JSON.parse(await Deno.readTextFile(join(otherBase, "config.json")));
  const changed = JSON.stringify({ ...config, layer_norm_eps: 1e-6 });
  await Deno.writeTextFile(join(otherBase, "config.json"), changed);

  await mistake("ana", [`--server=${wrong}`, `--data=${data}`], /no longer, one of this run/);
  await mistake(
    "ana",
    [`--server=${invitation}`, `--data=${stray}`],
    /expected one of 2 labels, got "c"/,
  );
  await mistake("ana", [`--data=${data}`, `--model=${otherBase}`], /run was made for model/);
  await mistake(
    "ana",
    [`--data=${data}`, "--model=server"],
    /server has no copy of "built-in base"/,
  );
  await mistake("ana", [`--data=${data}`, "--rank=4"], /gives this client rank 2/);
  await mistake("ana", [`--data=${data}`, "--evaluate"], /invitation is a client's/);
  await mistake("ana", [], /without data/);
  await mistake(
    "ana",
    [`--server=${other.invitations[0]}`, `--data=${data}`],
    /belongs to client 0 of run/,
  );
  await mistake(
    "eve",
    [`--server=${invitation}`, `--data=${data}`],
    /used before, with another key/,
  );

  const flags = [`--state=${join(folder, "states", "ana")}`, "--name=ana", `--data=${data}`];
  const { code, out, err } = await runCli("client", [...flags, ...machine]);
  assert.equal(code, 0, err);
  assert.match(out, /The run has ended after 1 round\b/);

  const evaluators = await runCli("run", ["evaluators", run, ...server.admin, "--format=json"]);
  assert.equal(evaluators.code, 2, "the run has ended");
});

Deno.test("client refuses a state folder in use, and ends with a line when it is withdrawn or the run is stopped", async () => {
  await using server = await startServer(join(folder, "data-of-two"));
  const { run, invitations } = await createRun(server, ["--clients=2", "--ranks=2", "--quorum=2"]);
  const [first, second] = [0, 1].map((client) => [
    `--server=${invitations[client]}`,
    `--data=${data}`,
    `--name=client ${client}`,
    `--state=${join(folder, "states", `waiting-${client}`)}`,
    ...machine,
  ]);
  const client = start("src/cli/client.ts", first);
  await client.line(/^Waiting for other clients$/);
  const twice = await runCli("client", first);
  assert.equal(twice.code, 2);
  assert.match(twice.err, /another client is working in it/);

  assert.equal((await runCli("run", ["withdraw", run, "0", ...server.admin])).code, 0);
  const withdrawn = await client.ended;
  assert.match(withdrawn.err, /^error: .*client 0\b.* was withdrawn/);
  assert.equal(withdrawn.code, 2);

  const other = start("src/cli/client.ts", second);
  await other.line(/^Waiting for other clients$/);
  assert.equal((await runCli("run", ["stop", run, ...server.admin])).code, 0);
  const stopped = await other.ended;
  assert.equal(stopped.code, 0, stopped.err);
  assert.match(stopped.out, /^The run was stopped after 0 rounds$/m);
});
