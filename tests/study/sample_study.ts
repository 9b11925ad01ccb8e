import { join } from "node:path";
import { completeRunConfig } from "../../src/federated/complete_run_config.ts";
import type { MessageSizes } from "../../src/protocol/messages/mod.ts";
import { randomStream } from "../../src/protocol/random.ts";
import { summarizeRun } from "../../src/protocol/records.ts";
import {
  type FailedRun,
  type StudyRound,
  type StudyRun,
  studyRunKind,
} from "../../src/study/result.ts";
import type { GridPart, Study, StudySettings } from "../../src/study/study.ts";
import { placesOf, type StudyResults } from "../../src/study/study_results.ts";

/** How a made-up method does. */
export interface SampleMethod {
  readonly settings: StudySettings;
  /** Accuracy that the curve tends to in a cell of level 1. */
  readonly peak: number;
  /** Rounds in which the distance to it shrinks to a third. */
  readonly pace: number;
  /** Accuracy lost each round after two thirds of them. */
  readonly late?: number;
  /** Share of what lies above chance that the lowest rank loses at distribution. */
  readonly drop?: number;
  /** Share of components trained in the end. */
  readonly trained?: number;
  /** Seeds that fail. */
  readonly fails?: readonly number[];
}

/** The shape of a made-up study. */
export interface SampleShape {
  readonly rounds: number;
  readonly cells: Readonly<
    Record<string, { readonly settings: StudySettings; readonly level: number }>
  >;
  readonly methods: Readonly<Record<string, SampleMethod>>;
  readonly grid: readonly GridPart[];
  readonly study?: Partial<Study>;
}

const labels = Array.from({ length: 20 }, (_, index) => `topic.${index}`);
const modules = Array.from({ length: 8 }, (_, index) => `layers.${index}.q_proj`);

/** A study that never was, with curves like those of real ones; the same shape gives the same runs. */
export function sampleStudy(shape: SampleShape): StudyResults {
  const { rounds, cells, methods, grid } = shape;
  const study: Study = {
    name: "A study that never was",
    settings: { rounds },
    cells: Object.fromEntries(
      Object.entries(cells).map(([name, { settings }]) => [name, settings] as const),
    ),
    methods: Object.fromEntries(
      Object.entries(methods).map(([name, { settings }]) => [name, settings] as const),
    ),
    grid,
    targets: {},
    claims: [],
    references: {},
    ...shape.study,
  };
  const places = placesOf(study);
  const fails = ({ method, seed }: { method: string; seed: number }): boolean =>
    methods[method].fails?.includes(seed) ?? false;
  return {
    study,
    runs: places.filter((place) => !fails(place))
      .map(({ cell, method, seed }) => sampleRun(shape, study, cell, method, seed)),
    failed: places.filter(fails)
      .map(({ cell, method, seed }) => failedRun(sampleRun(shape, study, cell, method, seed))),
    trials: trialsOf(shape, study),
  };
}

/** Lays a study down as the runner does. */
export async function writeStudy(folder: string, results: StudyResults): Promise<void> {
  const write = async (path: string, value: unknown): Promise<void> => {
    const file = join(folder, path);
    await Deno.mkdir(join(file, ".."), { recursive: true });
    await Deno.writeTextFile(file, JSON.stringify(value));
  };
  await write("study.json", results.study);
  for (const run of [...results.runs, ...results.failed]) {
    await write(`runs/${run.cell}/${run.method}/seed-${run.seed}.json`, run);
  }
  for (const run of results.trials) {
    await write(`tuning/${run.method}/trial-${run.trial}.json`, run);
  }
}

function failedRun({ kind, cell, method, seed, trial, config, data, model }: StudyRun): FailedRun {
  return {
    kind,
    cell,
    method,
    seed,
    ...(trial !== undefined && { trial }),
    config,
    data,
    model,
    failed: "The validation loss was not finite in round 3",
  };
}

function trialsOf(shape: SampleShape, study: Study): (StudyRun | FailedRun)[] {
  const { tuning } = study;
  if (tuning === undefined) return [];
  return Object.keys(study.methods).flatMap((method) =>
    tuning.trials.map((settings, trial) => {
      const run = {
        ...sampleRun(shape, study, tuning.cell, method, tuning.seed, {
          ...tuning.settings,
          ...settings,
        }),
        trial,
      };
      return (settings.lr ?? 0) > 0.05 ? failedRun(run) : run;
    })
  );
}

function sampleRun(
  shape: SampleShape,
  study: Study,
  cell: string,
  method: string,
  seed: number,
  further: StudySettings = study.tuning?.trials[0] ?? {},
): StudyRun {
  const { peak, pace, late = 0, drop = 0, trained = 1 } = shape.methods[method];
  const { level } = shape.cells[cell];
  const complete = completeRunConfig({
    ...study.settings,
    ...study.cells[cell],
    ...study.methods[method],
    ...further,
    seed,
  }, { threads: 1, now: new Date(0) });
  const {
    out: _out,
    threads: _threads,
    device: _device,
    resume: _resume,
    overwrite: _overwrite,
    format: _format,
    offline: _offline,
    cacheDir: _cacheDir,
    ...config
  } = complete;
  const chance = 1 / labels.length;
  // What a seed deals is the same for all methods: it is why their differences vary less than their scores.
  const luck = 0.02 * randomStream(seed, "luck", cell).normal();
  const random = randomStream(seed, "sample study", cell, method);
  const clients = Array.from({ length: config.clients }, (_, index) => ({
    client: index + 1,
    rank: config.ranks[Math.floor(index * config.ranks.length / config.clients)],
    samples: 1000,
    labelCounts: labels.map(() => 50),
  }));
  const budget = clients.reduce((sum, { rank }) => sum + rank, 0);
  const up = bytes(budget * modules.length * 1024, clients.length * 10_240);
  const down = bytes(clients.length * config.rank * modules.length * 1024, clients.length * 10_240);
  const top = chance + (peak * level - chance);
  const records: StudyRound[] = [];
  const sampled = clients.length;
  let accuracy = chance;
  for (let round = 1; round <= config.rounds; round++) {
    const before = accuracy;
    const passed = Math.max(0, round - config.rounds * 2 / 3);
    accuracy = chance + (top + luck - chance) * (1 - Math.exp(-round / pace)) - late * passed +
      0.004 * random.normal();
    records.push({
      round,
      attendance: { sampled, answered: sampled, vanished: 0, late: 0, arrived: 0 },
      accuracy,
      loss: 3 - 2.6 * accuracy,
      trainLoss: 2.9 - 2.9 * accuracy,
      perTier: [...new Set(config.ranks)].map((rank) => ({
        rank,
        clients: clients.filter((client) => client.rank === rank).length,
        accuracyAfterDistribution: before - (before - chance) * drop * (1 - rank / config.rank),
      })),
      upBytes: up,
      downBytes: down,
      cumulativeUp: round * up.total,
      cumulativeDown: round * down.total,
      trainedShare: trained * Math.min(1, round / 2),
      seconds: 8,
      steps: config.clients * config.localSteps,
      tokensPerSecond: 20_000,
      worstClient: accuracy * 0.6,
    });
  }
  const summary = summarizeRun(
    records.map((record) => ({ worstClient: 0, ...record, scores: [], selected: [] })),
    labels.length,
  );
  return {
    kind: studyRunKind,
    cell,
    method,
    seed,
    config,
    data: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    model: "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
    facts: {
      version: "0.1.0",
      started: "2025-03-01T14:25:30.000Z",
      device: "cpu (1 thread)",
      model: "built-in base",
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
    rounds: records,
    summary: {
      ...summary,
      ...(config.evalTest && {
        test: {
          rows: 7532,
          accuracyAtBest: summary.best.accuracy - 0.012 + 0.002 * random.normal(),
          accuracyAtFinal: summary.final.accuracy - 0.012 + 0.002 * random.normal(),
        },
      }),
    },
  };
}

function bytes(lora: number, head: number): MessageSizes {
  const overhead = Math.round(0.03 * (lora + head));
  return { lora, head, overhead, total: lora + head + overhead };
}
