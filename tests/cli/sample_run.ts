import type { MessageSizes } from "../../src/protocol/messages/mod.ts";
import { type RoundRecord, summarizeRun } from "../../src/protocol/records.ts";
import { randomStream } from "../../src/protocol/random.ts";
import { sampledClients } from "../../src/federated/attendance.ts";
import { completeRunConfig } from "../../src/federated/complete_run_config.ts";
import type { RunConfig } from "../../src/federated/run_config.ts";
import type { LabelledRun } from "../../src/cli/report/report.ts";

/** The shape of a made-up run. */
export interface SampleShape {
  readonly rounds: number;
  readonly layers: number;
  readonly projections: readonly string[];
  readonly labels: readonly string[];
  readonly given: Partial<RunConfig>;
}

/** A run that never was, with curves like those of real ones; the same shape gives the same run. */
export function sampleRun(
  { rounds, layers, projections, labels, given }: SampleShape,
): LabelledRun {
  const config = completeRunConfig(given, { threads: 2, now: new Date(0) });
  const random = randomStream(config.seed, "sample run");
  const modules = Array.from({ length: layers }).flatMap((_, layer) =>
    projections.map((projection) => `model.layers.${layer}.self_attn.${projection}`)
  );
  const clients = Array.from({ length: config.clients }, (_, index) => {
    const tier = Math.floor(index * config.ranks.length / config.clients);
    const labelCounts = labels.map(() => Math.floor(40 * random.gamma(0.5)));
    const samples = labelCounts.reduce((sum, count) => sum + count, 0);
    return { client: index + 1, rank: config.ranks[tier], samples, labelCounts };
  });
  const budget = clients.reduce((sum, client) => sum + client.rank, 0);
  const upBytes = bytes(budget * modules.length * 1024, clients.length * 10_240);
  const downBytes = bytes(
    clients.length * config.rank * modules.length * 1024,
    clients.length * 10_240,
  );
  const chance = 1 / labels.length;
  const worth = modules.map(() =>
    Array.from({ length: config.rank }, () => 1e-4 * random.gamma(0.4))
  );
  const trainedFrom = Math.min(2, rounds);
  const sampled = sampledClients(config, config.clients);
  const records: RoundRecord[] = [];
  let reached = chance;
  for (let round = 1; round <= rounds; round++) {
    const before = reached;
    reached = chance + (0.30 - chance) * (1 - Math.exp(-round / 12)) + 0.006 * random.normal();
    records.push({
      round,
      attendance: { sampled, answered: sampled, vanished: 0, late: 0, arrived: 0 },
      accuracy: reached,
      worstClient: 0.6 * reached,
      loss: 3 - 2.6 * reached,
      trainLoss: 2.9 - 2.9 * reached + 0.03 * random.normal(),
      perTier: [...new Set(config.ranks)].map((rank) => ({
        rank,
        clients: clients.filter((client) => client.rank === rank).length,
        accuracyAfterDistribution: config.method === "truncate"
          ? before - (before - chance) * 0.5 * (1 - rank / config.rank)
          : before,
      })),
      upBytes,
      downBytes,
      cumulativeUp: round * upBytes.total,
      cumulativeDown: round * downBytes.total,
      trainedShare: round < trainedFrom ? 0.9 : 1 - 1 / (modules.length * config.rank),
      scores: worth,
      selected: worth.map((row, module) =>
        row.map((value, component) => {
          if (module === 0 && component === 1) return 0;
          return clients.filter((client) =>
            round <= 2
              ? random.uniform() < client.rank / config.rank
              : row.filter((other) => other > value).length < client.rank
          ).length;
        })
      ),
      seconds: 8 + random.uniform(),
      steps: config.clients * config.localSteps,
      tokensPerSecond: 21_000 + 900 * random.normal(),
    });
  }
  return {
    config,
    facts: {
      version: "0.1.0",
      started: "2025-03-01T14:25:30.000Z",
      device: "cpu (2 threads)",
      model: "tinystories-656k",
      modelParameters: 656_000,
      data: "20news-bydate",
      labels,
      trainRows: 10_314,
      validationRows: 1000,
      testRows: 7532,
      modules,
      clients,
      notes: [],
    },
    records,
    summary: summarizeRun(records, labels.length, {
      rows: 7532,
      accuracyAtBest: reached - 0.01,
      accuracyAtFinal: reached - 0.02,
    }),
  };
}

function bytes(lora: number, head: number): MessageSizes {
  const overhead = Math.round(0.03 * (lora + head));
  return { lora, head, overhead, total: lora + head + overhead };
}
