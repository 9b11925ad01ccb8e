/** What a client remembers from start to start, beside its run. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { builtinCorpus, jsonLines } from "../../../src/data/mod.ts";
import { completeRunConfig } from "../../../src/federated/complete_run_config.ts";
import { encodeBank } from "../../../src/protocol/bank_codec.ts";
import { builtInBase } from "../../../src/weights/built_in_base.ts";
import { problem } from "../../federated/remote/fake_server.ts";
import { runCli } from "../command.ts";
import { start } from "./processes.ts";
import { loneClientRun } from "./lone_client.ts";

const folder = await Deno.makeTempDir({ prefix: "hafl-client-starts-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const corpus = builtinCorpus(1, { train: 20, test: 0, validation: 0 });
const data = join(folder, "rows.jsonl");
await Deno.writeTextFile(data, jsonLines(corpus));
const machine = ["--device=cpu", "--threads=1", `--cache-dir=${join(folder, "cache")}`];

/** A server whose answers are these, by the last part of a route. */
function serverOf(answers: Readonly<Record<string, () => Response | Promise<Response>>>) {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => {
      const answer = answers[new URL(request.url).pathname.split("/").at(-1)!];
      return answer?.() ?? problem("not-found", 404);
    },
  );
  return {
    invitation: `http://127.0.0.1:${server.addr.port}/#run.0.token`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const seat = () => Response.json({ client: 0, role: "client" });

Deno.test("a client whose run ended before it had a rank gets the adapter at every start", async () => {
  const { manifest, bank } = await loneClientRun({
    config: completeRunConfig({ clients: 1, ranks: [4], rounds: 1, batch: 2, seqLen: 8 }),
    files: builtInBase(),
    labels: corpus.labels,
    ranks: { kind: "auto", tiers: [2, 4] },
  });
  const encoded = new Uint8Array(encodeBank(bank));
  await using server = serverOf({
    enrolments: seat,
    manifest: () => Response.json(manifest),
    latest: () => new Response(encoded),
    probe: () => new Response(null, { status: 204 }),
    budget: () => problem("run-over", 409),
    task: () => Response.json({ kind: "finished", rounds: 1 }),
    1: () => new Response(encoded),
  });
  const state = `--state=${join(folder, "over")}`;
  const first = [`--server=${server.invitation}`, `--data=${data}`, "--name=ana", "--held-out=0"];
  for (const flags of [[...first, ...machine], []]) {
    const { code, out, err } = await runCli("client", [state, ...flags]);
    assert.equal(code, 0, err);
    assert.match(out, /^The run has ended after 1 round$/m);
  }
});

Deno.test("a client says when others can read along", async () => {
  const flags = [`--state=${join(folder, "plain")}`, `--data=${data}`, "--name=ana", ...machine];
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  // An address of this machine that does not look like one.
  const server = `http://0.0.0.0:${port}`;
  const client = start("src/cli/client.ts", [`--server=${server}/#run.0.token`, ...flags]);
  await client.line(/^Cannot reach /);
  client.process.kill("SIGINT");
  await client.ended;
  assert.equal(
    client.lines[0],
    `${server} is reached without https: others on the way can read adapters and change them`,
  );
});

Deno.test("a client that is stopped before its flags have proved good says that it needs them again", async () => {
  const asked = Promise.withResolvers<void>();
  const silence = Promise.withResolvers<Response>();
  await using server = serverOf({
    enrolments: seat,
    manifest() {
      asked.resolve();
      return silence.promise;
    },
  });
  const flags = [`--server=${server.invitation}`, `--data=${data}`, "--name=ana"];
  const client = start("src/cli/client.ts", [
    `--state=${join(folder, "stopped")}`,
    ...flags,
    ...machine,
  ]);
  await asked.promise;
  client.process.kill("SIGINT");
  const { code, err } = await client.ended;
  silence.resolve(new Response());
  assert.equal(code, 130, err);
  assert.equal(err, "Stopped; start again with the same flags\n");
});
