import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { createTestDatabase, postgresTest } from "./postgres.ts";
import { createTinyRun } from "./tiny_run.ts";
import { withFolder } from "../temp_folder.ts";

const main = new URL("../../server/main.ts", import.meta.url).pathname;

function deno(args: readonly string[], env: Record<string, string> = {}): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--cached-only", "--no-prompt", ...args],
    env: { NO_COLOR: "1", HAFL_ADMIN_TOKEN: "", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** A server on a free port, with the permissions that its settings need. */
async function startServer(dataDir: string, more: readonly string[] = []) {
  const child = deno([
    "--allow-net=127.0.0.1",
    `--allow-read=${dataDir}`,
    `--allow-write=${dataDir}`,
    "--allow-env=HAFL_ADMIN_TOKEN",
    main,
    "--port",
    "0",
    "--data-dir",
    dataDir,
    ...more,
  ]);
  const errors = new Response(child.stderr).text();
  const lines: string[] = [];
  const started = Promise.withResolvers<void>();
  const read = (async () => {
    let rest = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split("\n");
      rest = parts.pop()!;
      lines.push(...parts);
      if (lines.length >= 3) started.resolve();
    }
    started.resolve();
  })();
  await started.promise;
  const address = /^Server +(http:\S+)$/.exec(lines[0])?.[1];
  assert.ok(address, lines.join("\n") + await (lines.length > 0 ? "" : errors));
  return {
    address,
    lines,
    errors,
    async stop() {
      child.kill("SIGTERM");
      const { code } = await child.status;
      await read;
      return { code, errors: await errors };
    },
  };
}

async function ended(child: Deno.ChildProcess) {
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("main() serves, tells where, makes the token, and drains on SIGTERM", () =>
  withFolder(async (folder) => {
    const dataDir = `${folder}/data`;
    const server = await startServer(dataDir);
    assert.deepEqual(server.lines.slice(1, 3), [
      `Data         ${dataDir}`,
      `Admin token  ${dataDir}/admin-token`,
    ]);
    assert.equal((await Deno.stat(`${dataDir}/admin-token`)).mode! & 0o777, 0o600);
    const adminToken = (await Deno.readTextFile(`${dataDir}/admin-token`)).trim();
    const headers = { authorization: `Bearer ${adminToken}` };
    const { address } = server;
    const ready = await fetch(`${address}/readyz`);
    assert.equal(await ready.text(), "ok");
    const page = await fetch(address);
    assert.match(await page.text(), /<html/);
    const { run } = await createTinyRun({ server: address, fetch, adminToken });

    // A live page keeps its connection open; a drain ends it.
    const events = await fetch(`${address}/v1/runs/${run}/events`, { headers });
    const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader();
    assert.match((await reader.read()).value!, /^event: status\ndata: \{/);
    const [{ code, errors }] = await Promise.all([server.stop(), drained(reader)]);
    assert.equal(code, 0, errors);
    assert.equal(server.lines.at(-1), "Stopping: requests in progress may end");
    for (const line of errors.trim().split("\n")) {
      const { level, message } = JSON.parse(line);
      assert.notEqual(level, "ERROR", line);
      assert.ok(message.length > 0);
    }
    assert.ok(!errors.includes(adminToken));
    await assert.rejects(fetch(`${address}/readyz`));

    const again = await startServer(dataDir);
    const listed = await fetch(`${again.address}/v1/runs`, { headers });
    assert.equal((await listed.json())[0].run, run);
    assert.equal((await again.stop()).code, 0);
  }));

Deno.test("main() ends a request whose caller has gone, without a word", () =>
  withFolder(async (folder) => {
    const server = await startServer(folder);
    const adminToken = (await Deno.readTextFile(`${folder}/admin-token`)).trim();
    const { run } = await createTinyRun({ server: server.address, fetch, adminToken });
    const headers = { authorization: `Bearer ${adminToken}` };
    const waiting = async () => {
      const metrics = await fetch(`${server.address}/metrics`, { headers });
      return Number(/^hafl_waiting (\d+)$/m.exec(await metrics.text())![1]);
    };
    const gone = new AbortController();
    const route = `${server.address}/v1/runs/${run}/events`;
    const events = await fetch(route, { headers, signal: gone.signal });
    const reader = events.body!.getReader();
    await reader.read();
    assert.equal(await waiting(), 1);
    gone.abort();
    await reader.read().catch(() => {});
    for (let tries = 0; await waiting() > 0; tries++) assert.ok(tries < 2000, "it still waits");
    const { code, errors } = await server.stop();
    assert.equal(code, 0);
    assert.doesNotMatch(errors, /ERROR|legacy/);
  }));

Deno.test("main() says in one line which command grants what is missing", () =>
  withFolder(async (folder) => {
    const { code, stderr } = await ended(deno([main, "--port", "9000", "--data-dir", folder]));
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^error: Cannot start without permission for [^\n]*; run: deno run --allow-net=127\.0\.0\.1:9000 [^\n]*\n$/,
    );
  }));

Deno.test("main() says in one line that the port is taken", () =>
  withFolder(async (folder) => {
    const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const port = String(taken.addr.port);
    const { code, stderr } = await ended(deno(["-A", main, "--port", port, "--data-dir", folder]));
    taken.close();
    assert.equal(code, 2);
    assert.match(stderr, /^error: Cannot listen on 127\.0\.0\.1:\d+: another program [^\n]*\n$/);
  }));

Deno.test("main() says in one line that the folder is another server's, or of a newer version", () =>
  withFolder(async (folder) => {
    const server = await startServer(folder);
    const start = () => ended(deno(["-A", main, "--port", "0", "--data-dir", folder]));
    const second = await start();
    assert.equal(second.code, 2);
    assert.match(second.stderr, /^error: Cannot open the data in "[^\n]*another server[^\n]*\n$/);
    assert.equal((await server.stop()).code, 0);

    const db = new DatabaseSync(`${folder}/hafl.db`);
    db.exec("UPDATE meta SET value = '99' WHERE key = 'schema'");
    db.close();
    const newer = await start();
    assert.equal(newer.code, 2);
    assert.match(
      newer.stderr,
      /^error: Cannot open the data in "[^\n]*newer version[^\n]*99[^\n]*\n$/,
    );
  }));

Deno.test("main() backs up beside a running server and restores into an empty folder", () =>
  withFolder(async (folder) => {
    const [from, to] = [`${folder}/from`, `${folder}/to`];
    const server = await startServer(from);
    const adminToken = (await Deno.readTextFile(`${from}/admin-token`)).trim();
    const { run } = await createTinyRun({ server: server.address, fetch, adminToken });
    const copy = (...words: string[]) => ended(deno(["-A", main, ...words]));
    const backup = await copy("backup", `${from}/copy.gz`, "--data-dir", from);
    assert.match(backup.stdout, /^\d+ rows of .*from backed up to .*copy\.gz\n$/, backup.stderr);
    assert.equal((await server.stop()).code, 0);

    const restored = await copy("restore", `${from}/copy.gz`, "--data-dir", to);
    assert.match(restored.stdout, /copy\.gz restored to .*to\n$/, restored.stderr);
    const again = await copy("restore", `${from}/copy.gz`, "--data-dir", to);
    assert.equal(again.code, 2);
    assert.match(again.stderr, /^error: [^\n]*\n$/);
    const second = await startServer(to);
    const token = (await Deno.readTextFile(`${to}/admin-token`)).trim();
    const headers = { authorization: `Bearer ${token}` };
    const listed = await fetch(`${second.address}/v1/runs`, { headers });
    assert.equal((await listed.json())[0].run, run);
    assert.equal((await second.stop()).code, 0);
  }));

/** A port that was free a moment ago. */
function freePort(): string {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return String(port);
}

/** Starts a server by the command that it prints when it lacks permissions. */
async function startAsTold(settings: readonly string[], env: Record<string, string> = {}) {
  const refused = await ended(deno([main, ...settings]));
  const [, command] = / run: deno run (.*)\n$/.exec(refused.stderr) ?? [];
  assert.ok(command, refused.stderr);
  const words = command.replace("server/main.ts", main).split(" ")
    .map((word) =>
      settings.find((setting) => word.includes(":PASSWORD@") && setting.includes("@")) ?? word
    );
  const child = deno(words, env);
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value: line } = await output.read();
  assert.match(line ?? await new Response(child.stderr).text(), /^Server +http:/);
  return async () => {
    child.kill("SIGTERM");
    const [{ code }, errors] = await Promise.all([
      child.status,
      new Response(child.stderr).text(),
      drained(output),
    ]);
    assert.equal(code, 0, errors);
  };
}

Deno.test("main() prints a command that grants all it needs", () =>
  withFolder(async (folder) => {
    const stop = await startAsTold(["--port", freePort(), "--data-dir", `${folder}/data`]);
    await stop();
  }));

postgresTest(
  "main() lets two processes serve one database, each hearing of the other's changes",
  () =>
    withFolder(async (folder) => {
      const database = await createTestDatabase();
      const adminToken = "the-administrator-of-both";
      const env = { HAFL_ADMIN_TOKEN: adminToken };
      const ports = [freePort(), freePort()];
      const stops = [];
      for (const port of ports) {
        const settings = ["--port", port, "--data-dir", folder, "--database", database];
        stops.push(await startAsTold(settings, env));
      }
      const [server, other] = ports.map((port) => `http://127.0.0.1:${port}`);
      const { run } = await createTinyRun({ server, fetch, adminToken });
      const headers = { authorization: `Bearer ${adminToken}` };
      const events = await fetch(`${other}/v1/runs/${run}/events`, { headers });
      const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader();
      assert.match((await reader.read()).value!, /"state":"waiting"/);
      const stopped = await fetch(`${server}/v1/runs/${run}/stop`, { method: "POST", headers });
      assert.equal(stopped.status, 204);
      assert.match((await reader.read()).value!, /"state":"stopped"/);
      await Promise.all([...stops.map((stop) => stop()), drained(reader)]);
    }),
);

async function drained(reader: ReadableStreamDefaultReader<string>): Promise<void> {
  while (!(await reader.read()).done);
}
