/** Every named method as users run it: from its name to rounds, with what it sends and what it moves. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { prepareFederation } from "../../src/federated/prepare.ts";
import { readSettings } from "../../src/federated/read_settings.ts";
import { completeRunConfig } from "../../src/federated/complete_run_config.ts";
import { startState } from "../../src/federated/simulate.ts";
import { encodeBank } from "../../src/protocol/bank_codec.ts";
import { isServable } from "../../src/protocol/method.ts";
import { namedMethods } from "../../src/protocol/methods/mod.ts";
import { createLetters, data, files } from "./remote/manifest_support.ts";
import { runRounds, widths, withFederation } from "./support.ts";

const cpu = createCpuDevice({ threads: 1 });
const document = await Deno.readTextFile(new URL("../../docs/methods.md", import.meta.url));

/** The cells "down" and "up" of a method's row in docs/methods.md. */
function promised(name: string): readonly string[] {
  const row = document.split("\n").find((line) =>
    line.startsWith(`| \`${name}\` `) && line.split("|").length === 9
  );
  assert.ok(row, name);
  return row.split("|").slice(5, 7).map((cell) => cell.trim());
}

async function prepare(name: string, equal: boolean) {
  const given = readSettings({ method: name }, (key) => key);
  const config = completeRunConfig({
    clients: 3,
    ranks: equal ? [4] : [1, 2, 4],
    seqLen: 8,
    batch: 2,
    localSteps: 2,
    rounds: 3,
    threads: 1,
    seed: 7,
    ...given,
  });
  return await prepareFederation({ config, files, data, createTokenizer: createLetters });
}

// What only a simulation can do has tests of its own: flora_test.ts and local_test.ts.
for (const { name, settings } of namedMethods) {
  if (!isServable(settings.aggregation)) continue;
  Deno.test(`--method ${name} trains what it says, and sends what docs/methods.md says`, async () => {
    const { federation } = await prepare(name, settings.method === "full");
    const { modules, rank } = federation.local.layout;
    const sizes: Readonly<Record<string, (clientRank: number) => number>> = {
      "0": () => 0,
      "r·w": () => widths(modules) * rank,
      "r_k·w": (clientRank) => widths(modules) * clientRank,
      "r·out": () => rank * modules.reduce((sum, { outFeatures }) => sum + outFeatures, 0),
    };
    const [down, up] = promised(name).map((cell) =>
      4 * federation.clients.reduce((sum, client) => sum + sizes[cell](client.rank), 0)
    );
    await withFederation(cpu, federation, async (session) => {
      const start = await startState(federation, session);
      const { state, records } = await runRounds(federation, session, start, 3);
      for (const { downBytes, upBytes } of records) {
        assert.deepEqual([downBytes.lora, upBytes.lora], [down, up]);
      }
      const moved = state.bank.modules.map(({ a, b }, m) => ({
        a: a.some((value, at) => value !== start.bank.modules[m].a[at]),
        b: b.some((value, at) => value !== start.bank.modules[m].b[at]),
      }));
      const trains = {
        a: settings.method !== "head" && settings.factors !== "b",
        b: settings.method !== "head",
      };
      assert.deepEqual(moved, modules.map(() => trains));
      for (const [h, { data }] of state.bank.head.entries()) {
        assert.notDeepEqual(data, start.bank.head[h].data, "everyone trains the head");
      }
      const again = await runRounds(federation, session, start, 3);
      assert.deepEqual(encodeBank(again.state.bank), encodeBank(state.bank));
    });
  });
}

Deno.test("--method centralised gives one client all rows, and all clients' steps", async () => {
  const { federation } = await prepare("centralised", false);
  assert.deepEqual(federation.clients.map(({ rank }) => rank), [4]);
  assert.equal(federation.clients[0].samples.length, data.train.length);
  assert.equal(federation.local.localSteps, 3 * 2);
  assert.equal(federation.local.schedule.totalSteps, 3 * 3 * 2);
});

Deno.test("--method flexlora deals the first components, in descending order of size", async () => {
  const { federation } = await prepare("flexlora", false);
  await withFederation(cpu, federation, async (session) => {
    const start = await startState(federation, session);
    const { state, records } = await runRounds(federation, session, start, 2);
    for (const { selected } of records) {
      for (const counts of selected) assert.deepEqual(counts, [3, 2, 1, 1]);
    }
    for (const { a, inFeatures } of state.bank.modules) {
      const lengths = [0, 1, 2, 3].map((i) =>
        Math.hypot(...a.subarray(i * inFeatures, (i + 1) * inFeatures))
      );
      assert.deepEqual(lengths, lengths.toSorted((x, y) => y - x));
    }
  });
});
