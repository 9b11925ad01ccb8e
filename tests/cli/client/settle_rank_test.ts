import assert from "node:assert/strict";
import { type RankRequest, settleRank } from "../../../src/cli/client/settle_rank.ts";
import { createKey, openKey } from "../../../src/federated/remote/client_key.ts";
import { UserError } from "../../../src/protocol/errors.ts";
import type { RanksPolicy, RunManifest } from "../../../src/protocol/manifest.ts";
import { connectionTo, fetchOf, problem } from "../../federated/remote/fake_server.ts";

const key = await openKey(await createKey());

const layout = {
  rank: 8,
  modules: [{ name: "q_proj", inFeatures: 2000, outFeatures: 2000 }],
  head: [],
};

async function settle(
  ranks: RanksPolicy,
  changes: Partial<RankRequest> = {},
  faults: (Response | Error)[] = [],
): Promise<{ budget: unknown; rank: number; probed: number }> {
  let budget: unknown;
  let probed = 0;
  let time = 0;
  const connection = connectionTo(
    key,
    fetchOf(key, ({ route, body }) => {
      const fault = faults.shift();
      if (fault instanceof Error) throw fault;
      if (fault) return fault;
      if (route.endsWith("/banks/latest")) {
        time += 500;
        return new Response(new Uint8Array(100_000));
      }
      if (route === "/v1/probe") {
        time += 2000;
        probed = body.length;
        return new Response(null, { status: 204 });
      }
      assert.equal(route, "/v1/runs/run/clients/1/budget");
      budget = JSON.parse(new TextDecoder().decode(body));
      return Response.json({ rank: 4 });
    }),
    {
      sleep(milliseconds) {
        time += milliseconds;
        return Promise.resolve();
      },
    },
  );
  const rank = await settleRank({
    connection,
    manifest: { name: "news", ranks, layout } as unknown as RunManifest,
    seat: { run: "run", client: 1, role: "client" },
    samples: 100,
    rank: null,
    measureStep: () => Promise.resolve(0.25),
    clock: () => time,
    ...changes,
  });
  return { budget, rank, probed };
}

const fixed = { kind: "fixed", ranks: [2, 4] } as const;
const stated = { kind: "stated" } as const;
const auto = { kind: "auto", tiers: [2, 4, 8] } as const;

Deno.test("settleRank() leaves a fixed rank to the run", async () => {
  assert.deepEqual(await settle(fixed), { budget: { samples: 100 }, rank: 4, probed: 0 });
  assert.deepEqual((await settle(fixed, { rank: 4 })).budget, { samples: 100 });
});

Deno.test("settleRank() states the rank that was asked for", async () => {
  assert.deepEqual((await settle(stated, { rank: 3 })).budget, { samples: 100, rank: 3 });
  assert.deepEqual((await settle(auto, { rank: 8 })).budget, { samples: 100, rank: 8 });
});

Deno.test("settleRank() measures a step and both ways of the link where the server chooses", async () => {
  const { budget, probed } = await settle(auto);
  assert.deepEqual(budget, {
    samples: 100,
    stepSeconds: 0.25,
    link: { down: 200_000, up: 131_072 },
  });
  assert.equal(probed, 256 * 1024);
});

Deno.test("settleRank() measures the link, not how often it was cut or the server busy", async () => {
  const link = { down: 200_000, up: 131_072 };
  const busy = () => problem("busy", 503, {}, { "retry-after": "60" });
  const faults = [busy(), new TypeError("cut"), new Response(new Uint8Array(100_000)), busy()];
  const { budget } = await settle(auto, {}, faults);
  // The third answer took no time at all.
  assert.deepEqual(budget, { samples: 100, stepSeconds: 0.25, link: { ...link, down: 1e8 } });
  const cut = [new TypeError("cut"), busy()];
  assert.deepEqual((await settle(auto, {}, cut)).budget, { samples: 100, stepSeconds: 0.25, link });
});

Deno.test("settleRank() of a run that is over gives what rank there was", async () => {
  const over = (ranks: RanksPolicy, rank: number | null) =>
    settle(ranks, { rank }, [problem("run-over", 409)]).then(({ rank }) => rank);
  assert.equal(await over(fixed, null), 4);
  assert.equal(await over(stated, 3), 3);
  assert.equal(await over(auto, 8), 8);
  const evaluator = { seat: { run: "run", client: 1, role: "evaluator" } } as const;
  const { rank } = await settle(auto, evaluator, [problem("run-over", 409)]);
  assert.equal(rank, 0);
});

Deno.test("settleRank() measures nothing for an evaluator", async () => {
  const seat = { run: "run", client: 1, role: "evaluator" } as const;
  assert.deepEqual((await settle(auto, { seat })).budget, { samples: 100 });
});

Deno.test("settleRank() refuses ranks that the run does not have, before it asks", async () => {
  const cases = [
    [fixed, 8, /"news" gives this client rank 4/],
    [stated, null, /one of 1 to 8 with --rank/],
    [auto, 3, /"news" has ranks 2, 4, 8/],
  ] as const;
  for (const [ranks, rank, expected] of cases) {
    await assert.rejects(settle(ranks, { rank }), (error: Error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, expected);
      return true;
    });
  }
});
