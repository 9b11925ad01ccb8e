/** The small commands: what they ask of the server, what they print, and how they fail. */

import assert from "node:assert/strict";
import { bankOf, listRuns } from "../../../src/cli/run/admin_api.ts";
import type { AdminServer } from "../../../src/cli/run/admin_server.ts";
import type { RunCommand } from "../../../src/cli/run/command.ts";
import { evaluators } from "../../../src/cli/run/evaluators.ts";
import { invite } from "../../../src/cli/run/invite.ts";
import { list } from "../../../src/cli/run/list.ts";
import { show } from "../../../src/cli/run/show.ts";
import { stop } from "../../../src/cli/run/stop.ts";
import { withdraw } from "../../../src/cli/run/withdraw.ts";
import { root, runCli } from "../command.ts";
import { sample } from "./sample_status.ts";
import { printed, problem, stubServer } from "./stub_server.ts";

const { run, name, state, roundsDone, rounds, createdAt } = sample;
const summary = { run, name, state, roundsDone, rounds, createdAt };
const manifest = { ranks: { kind: "fixed", ranks: [2, 4] }, model: { name: "built-in base" } };
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("list prints a run a line", async () => {
  await using server = await stubServer({ "GET /v1/runs": () => [summary] });
  const { lines, print } = printed();
  await list.run(server.flags, print);
  assert.equal(lines[0], "Run   Name  State    Rounds  Created");
  assert.match(lines[1], /^rabc +news +running +2\/5 +2023-11-1\d \d\d:\d\d:20$/);
  const json = printed();
  await list.run(["--format=json", ...server.flags], json.print);
  assert.deepEqual(json.lines.map((line) => JSON.parse(line)), [summary]);
});

Deno.test("list of a fresh server says how to begin", async () => {
  await using server = await stubServer({ "GET /v1/runs": () => [] });
  const { lines, print } = printed();
  await list.run(server.flags, print);
  assert.deepEqual(lines, ["No runs yet; make one with: deno task run create"]);
});

Deno.test("show prints where a run stands, its clients, its rounds, and refusals", async () => {
  await using server = await stubServer({ "GET /v1/runs/rabc": () => sample });
  const { lines, print } = printed();
  await show.run(["rabc", ...server.flags], print);
  assert.equal(lines[0], 'Run      rabc "news", running');
  assert.equal(lines.filter((line) => line.startsWith("client ")).length, 2);
  assert.equal(lines.filter((line) => /^ +\d  +\d/.test(line)).length, 3, lines.join("\n"));
  assert.match(lines.at(-1)!, /client 1 +norm: Cannot take the update: its norm is 9/);
  const json = printed();
  await show.run(["rabc", "--format=json", ...server.flags], json.print);
  assert.deepEqual(JSON.parse(json.lines.join("")), sample);
});

Deno.test("invite asks for the seats that are named, or all that are free", async () => {
  await using server = await stubServer({
    "GET /v1/runs/rabc/manifest": () => manifest,
    "POST /v1/runs/rabc/invitations": () => [{ client: 1, role: "client", token: "t1" }],
  });
  const { lines, print } = printed();
  await invite.run(["rabc", "--clients=1", ...server.flags], print);
  assert.deepEqual(JSON.parse(text(server.asked[1].body)), {
    seats: [{ role: "client", client: 1 }],
  });
  assert.ok(lines.includes(`client 1  4     ${server.url}/#rabc.1.t1`), lines.join("\n"));
  await invite.run(["rabc", ...server.flags], () => {});
  assert.equal(text(server.asked[3].body), "{}");
  await assert.rejects(invite.run(["rabc", "--clients=a", ...server.flags], () => {}), {
    message: 'Cannot use --clients: expected a list, each a whole number of at least 0, got "a"',
  });
});

Deno.test("evaluators asks for seats of their own, which have no rank", async () => {
  await using server = await stubServer({
    "GET /v1/runs/rabc/manifest": () => manifest,
    "POST /v1/runs/rabc/invitations": () => [{ client: 2, role: "evaluator", token: "t2" }],
  });
  const { lines, print } = printed();
  await evaluators.run(["rabc", "--count=2", "--format=json", ...server.flags], print);
  assert.deepEqual(JSON.parse(text(server.asked[1].body)), {
    seats: [{ role: "evaluator" }, { role: "evaluator" }],
  });
  assert.deepEqual(JSON.parse(lines[0]).invitations, [
    { client: 2, role: "evaluator", rank: null, url: `${server.url}/#rabc.2.t2` },
  ]);
  const people = printed();
  await evaluators.run(["rabc", ...server.flags], people.print);
  assert.match(people.lines.at(-1)!, / --evaluate$/);
  await assert.rejects(evaluators.run(["rabc", "--count=0", ...server.flags], () => {}), {
    message:
      'Cannot use --count: expected a whole number of at least 1 and of at most 100, got "0"',
  });
});

Deno.test("invite and evaluators name the flags that their run asks for", async () => {
  const files: { path: string; size: number }[] = [];
  const model = { name: "tinystories", hash: "h" };
  await using server = await stubServer({
    "GET /v1/runs/rabc/manifest": () => ({
      ranks: { kind: "stated" },
      model,
    }),
    "GET /v1/models/h/files": () => files,
    "POST /v1/runs/rabc/invitations": () => [{ client: 0, role: "client", token: "t" }],
  });
  const last = async (command: RunCommand) => {
    const { lines, print } = printed();
    await command.run(["rabc", ...server.flags], print);
    return lines.at(-1)!;
  };
  assert.match(await last(invite), / --name <name> --rank <n>$/);
  files.push({ path: "config.json", size: 2 });
  assert.match(await last(invite), / --name <name> --rank <n> --model server$/);
  assert.match(await last(evaluators), / --name <name> --evaluate --model server$/);
  // Of conversations, the server's copy has to have the run's chat template.
  Object.assign(model, { tokenizer: "t", chatTemplate: "c" });
  assert.match(await last(invite), / --name <name> --rank <n>$/);
});

Deno.test("stop and withdraw post to the run and the client", async () => {
  await using server = await stubServer({
    "POST /v1/runs/rabc/stop": () => undefined,
    "POST /v1/runs/rabc/clients/3/withdraw": () => undefined,
  });
  const { lines, print } = printed();
  await stop.run(["rabc", ...server.flags], print);
  await withdraw.run(["rabc", "3", ...server.flags], print);
  assert.match(lines[0], /^Stopped rabc; its adapter can be exported: deno task run export rabc /);
  assert.equal(lines[1], "Withdrew client 3 of rabc");
  await assert.rejects(withdraw.run(["rabc", "three", ...server.flags], print), {
    message: 'Cannot withdraw client "three": expected the number of its seat',
  });
  assert.equal(server.asked.length, 2);
});

Deno.test("a command passes on what the server says, in one line", async () => {
  await using server = await stubServer({
    "GET /v1/runs/r1": () => problem(404, "not-found", 'Cannot find run "r1": there is none'),
    "GET /v1/runs/r2": () => problem(401, "unauthorized", "Wrong token"),
    "GET /v1/runs/r3": () => new Response("<h1>nginx</h1>", { status: 502 }),
    "GET /v1/runs/r4": () => new Response("<h1>hello</h1>"),
    "GET /v1/runs/r5": () =>
      new Response(null, { status: 308, headers: { location: "https://elsewhere.example/" } }),
  });
  const messages = await Promise.all(
    ["r1", "r2", "r3", "r4", "r5"].map((run) =>
      show.run([run, ...server.flags], () => {}).then(() => "", ({ message }) => message)
    ),
  );
  assert.equal(messages[0], 'Cannot find run "r1": there is none');
  const token = server.flags[3];
  assert.equal(
    messages[1],
    `Cannot use the administrator's token of "${token}": ${server.url} refuses it; use that ` +
      "server's own (--token-file or HAFL_ADMIN_TOKEN)",
  );
  assert.equal(
    messages[2],
    `Cannot use ${server.url}: it answered 502 without saying why; is it a HAFL server?`,
  );
  assert.equal(
    messages[3],
    `Cannot use ${server.url}: expected JSON at /v1/runs/r4; is it a HAFL server?`,
  );
  assert.equal(
    messages[4],
    `Cannot use ${server.url}: it points to https://elsewhere.example; name that with --server, ` +
      "if it is the server's",
  );
});

Deno.test("a command whose answer is cut says so in one line", async () => {
  const cut = () =>
    new ReadableStream({
      pull: (controller) => controller.error(new TypeError("body error", { cause: Error("cut") })),
    });
  const adminOf = (response: () => Response): AdminServer => ({
    server: "http://host",
    token: "t",
    tokenSource: "a test",
    fetch: () => Promise.resolve(response()),
  });
  const good = adminOf(() => new Response(cut()));
  const refusing = adminOf(() => new Response(cut(), { status: 404 }));
  for (const reading of [listRuns(good), bankOf(good, "r", 1), listRuns(refusing)]) {
    await assert.rejects(
      reading,
      /^UnreachableError: Cannot reach the server at http:\/\/host: cut;/,
    );
  }
});

Deno.test("run without a server that answers says so in one line and exits with 2", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const token = await Deno.makeTempFile();
  await Deno.writeTextFile(token, "secret");
  const flags = [`--server=http://127.0.0.1:${port}`, `--token-file=${token}`];
  const { code, err } = await runCli("run", ["list", ...flags]);
  await Deno.remove(token);
  assert.equal(code, 2, err);
  assert.match(
    err,
    /^error: Cannot reach the server at http:\/\/127\.0\.0\.1:\d+: .*refused.*; start it \(deno task server\), or name another with --server\n$/,
  );
});

Deno.test("run takes the token from HAFL_ADMIN_TOKEN where no file is named", async () => {
  await using server = await stubServer({ "GET /v1/runs": () => [] });
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-lock",
      "-A",
      `${root}src/cli/run.ts`,
      "list",
      "--server",
      server.url,
    ],
    env: { NO_COLOR: "1", HAFL_ADMIN_TOKEN: "from-the-environment" },
  }).output();
  assert.equal(code, 0, text(stderr));
  assert.equal(server.asked[0].authorization, "Bearer from-the-environment");
});

Deno.test("run lists its commands, and suggests one for a word it does not know", async () => {
  const help = await runCli("run", []);
  assert.equal(help.code, 0, help.err);
  for (const word of ["create", "list", "show", "watch", "stop", "export", "withdraw", "invite"]) {
    assert.match(help.out, new RegExp(`^  ${word} +[a-z]`, "m"));
  }
  const { code, err } = await runCli("run", ["wacth", "r1"]);
  assert.deepEqual([code, err], [2, 'error: Unknown command "wacth": did you mean "watch"?\n']);
});
