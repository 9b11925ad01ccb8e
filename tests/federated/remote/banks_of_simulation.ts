/** Whether remote clients train what a simulation trains. */

import assert from "node:assert/strict";
import { loadData } from "../../../src/data/load.ts";
import { jsonLines, splitData } from "../../../src/data/split.ts";
import type { LabelledData } from "../../../src/data/types.ts";
import { createCpuDevice } from "../../../src/engine/cpu/device.ts";
import { clientRound } from "../../../src/federated/client_round.ts";
import { openFastest } from "../../../src/federated/open_session.ts";
import { dealSamples, prepareFederation, type RunSources } from "../../../src/federated/prepare.ts";
import { clientFederation } from "../../../src/federated/remote/client_federation.ts";
import type { RunConfig } from "../../../src/federated/run_config.ts";
import { runRound, startState } from "../../../src/federated/simulate.ts";
import { loadAggregator } from "../../../src/protocol/aggregate/load_aggregator.ts";
import { aggregate } from "../../../src/protocol/aggregate/mod.ts";
import { decodeBank, encodeBank } from "../../../src/protocol/bank_codec.ts";
import { dealRound } from "../../../src/protocol/deal.ts";
import type { RunManifest } from "../../../src/protocol/manifest.ts";
import { decodeUpdate, encodeDownload } from "../../../src/protocol/messages/mod.ts";
import { scopedSelections } from "../../../src/protocol/method.ts";
import { decodeMoments, encodeMoments } from "../../../src/protocol/moments_codec.ts";
import { selectorOf } from "../../../src/protocol/selection.ts";
import { withServerOptimizer } from "../../../src/protocol/server_optimizer.ts";
import type { ClientUpdate } from "../../../src/protocol/update.ts";
import { manifestOf } from "./manifest_support.ts";

/** Asserts that three clients of a run, each with its own model and share of the data, bring its server after every round to the bank of a simulation. */
export async function assertBanksOfSimulation(sources: RunSources): Promise<void> {
  const { config, files, data, createTokenizer } = sources;
  const { manifest, bank: start } = await manifestOf({ config, files, labels: data.labels });
  const sent: RunManifest = JSON.parse(JSON.stringify(manifest));
  const device = createCpuDevice({ threads: 1 });
  const clients = await Promise.all([0, 1, 2].map(async (client) => {
    // One of them is short of memory, which changes nothing.
    const federation = await clientFederation({
      manifest: sent,
      files,
      createTokenizer,
      baseDtype: config.baseDtype,
      recompute: client === 1,
    });
    assert.equal(federation.adapted.recompute, client === 1);
    const { train: samples } = await federation.tokenize(await ownShare(config, data, client));
    return { federation, samples, session: await openFastest(federation, [device]) };
  }));

  let bank = decodeBank(encodeBank(start));
  const banks: Uint8Array[] = [];
  for (let round = 0; round < sent.rounds; round++) {
    const deals = dealRound({
      bank,
      participants: [0, 1, 2].map((client) => ({ client, rank: [1, 2, 4][client] })),
      method: sent.method.method,
      factors: sent.method.factors,
      warmupRounds: sent.method.warmupRounds,
      round,
      seed: sent.seed,
      selector: selectorOf(sent.method.selection, sent.method.temperature),
      scope: scopedSelections[sent.method.scope],
    });
    const updates: ClientUpdate[] = [];
    for (const deal of deals) {
      const { federation, samples, session } = clients[deal.client];
      const { bytes } = encodeDownload(bank, deal, { run: "r0" });
      const { message } = await clientRound(session, federation.local, bytes, { samples });
      updates.push(decodeUpdate(message.bytes, bank).update);
    }
    const { aggregation, serverOptimizer } = sent.method;
    const aggregator = withServerOptimizer(await loadAggregator(aggregation), serverOptimizer);
    // As a server keeps them.
    const { moments, ...next } = aggregate(aggregator, bank, updates);
    bank = {
      ...decodeBank(encodeBank(next)),
      ...(moments && { moments: decodeMoments(encodeMoments(moments, next), next) }),
    };
    banks.push(encodeBank(bank));
  }
  for (const { session } of clients) await session.executor.close();

  const { federation } = await prepareFederation(sources);
  const session = await openFastest(federation, [device]);
  let state = await startState(federation, session);
  for (let round = 0; round < config.rounds; round++) {
    ({ state } = await runRound(federation, session, state));
    assert.deepEqual(banks[round], encodeBank(state.bank), `after round ${round + 1}`);
  }
  await session.executor.close();
}

/** A client's share as it reads it from the file that `deno task split` wrote. */
async function ownShare(
  config: RunConfig,
  data: LabelledData,
  client: number,
): Promise<LabelledData> {
  const share = splitData(data, dealSamples(config, data))[client];
  const isClassifier = config.task === "classify";
  return await loadData({
    name: `client-0${client + 1}.jsonl`,
    bytes: new TextEncoder().encode(jsonLines(share)),
    textColumn: config.textColumn,
    messages: config.task === "chat",
    ...(isClassifier ? { labels: data.labels } : { labelUse: "nothing" }),
    testShare: 0,
    validationShare: 0,
    seed: 1,
  });
}
