/** Whether a value of unknown origin is the result of a run, entry by entry. @module */

import type { RunConfig } from "../federated/run_config.ts";
import { number, optional, whole } from "../federated/setting_kinds.ts";
import { settings } from "../federated/settings.ts";
import type { MessageSizes } from "../protocol/messages/mod.ts";
import type {
  AttendanceRecord,
  ClientFacts,
  RoundResult,
  RunFacts,
  RunSummary,
  TestResult,
  TierRecord,
} from "../protocol/records.ts";
import { type FailedRun, type StudyRound, type StudyRun, studyRunKind } from "./result.ts";
import { absentOr, type Fault, fault, fields, leaf, listOf, type Shape } from "./shape.ts";

const string = leaf({
  expected: "a text",
  check: (value) => typeof value === "string" ? value : undefined,
});
const amount = leaf(number({ least: 0 }));
const share = leaf(number({ least: 0, most: 1 }));
const count = leaf(whole({ least: 0 }));
const ordinal = leaf(whole({ least: 1 }));

const sizes = fields<MessageSizes>({ lora: count, head: count, overhead: count, total: count });

const attendance = fields<AttendanceRecord>({
  sampled: count,
  answered: count,
  vanished: count,
  late: count,
  arrived: count,
});

const tier = fields<TierRecord>({
  rank: ordinal,
  clients: count,
  accuracyAfterDistribution: share,
});

// Results of a version that did not measure it lack it.
const worstClient = absentOr(share);

const round = fields<StudyRound>({
  round: ordinal,
  attendance,
  accuracy: share,
  worstClient,
  loss: amount,
  trainLoss: leaf(optional(number({ least: 0 }))),
  perTier: listOf(tier),
  upBytes: sizes,
  downBytes: sizes,
  cumulativeUp: count,
  cumulativeDown: count,
  trainedShare: share,
  seconds: amount,
  steps: count,
  tokensPerSecond: amount,
});

const client = fields<ClientFacts>({
  client: ordinal,
  rank: ordinal,
  samples: count,
  labelCounts: listOf(count),
});

// Runs of a study train classifiers.
const facts = fields<Omit<RunFacts, "tokens">>({
  version: string,
  started: string,
  device: string,
  model: string,
  modelParameters: count,
  data: string,
  labels: listOf(string, 2),
  trainRows: count,
  validationRows: count,
  testRows: count,
  modules: listOf(string),
  clients: listOf(client, 1),
  notes: listOf(string),
});

const reached = fields<RoundResult>({ round: ordinal, accuracy: share, worstClient, loss: amount });

const summary = fields<RunSummary>({
  best: reached,
  final: reached,
  test: absentOr(
    fields<TestResult>({ rows: ordinal, accuracyAtBest: share, accuracyAtFinal: share }),
  ),
  chance: share,
  labels: ordinal,
  upBytes: sizes,
  downBytes: sizes,
  trainedShare: share,
  seconds: amount,
});

/** The settings that tell of a result itself; every version records them. */
const always: readonly string[] = ["seed", "rounds"];

const config = fields<RunConfig>(
  Object.fromEntries(
    Object.entries(settings).map(([key, { kind }]) =>
      [key, always.includes(key) ? leaf(kind) : absentOr(leaf(kind))] as const
    ),
  ) as Record<keyof RunConfig, Shape>,
);

const place = {
  kind: leaf({
    expected: studyRunKind,
    check: (value: unknown) => value === studyRunKind ? value : undefined,
  }),
  cell: string,
  method: string,
  seed: count,
  trial: absentOr(count),
  config,
  data: string,
  model: string,
};

const failedRun = fields<FailedRun>({ ...place, failed: string });
const finishedRun = fields<StudyRun>({ ...place, facts, rounds: listOf(round, 1), summary });

/** What keeps a value from being the result of a run; undefined where it is one. */
export function resultFault(value: unknown): Fault | undefined {
  const failed = typeof value === "object" && value !== null && "failed" in value;
  const wrong = (failed ? failedRun : finishedRun)(value, "");
  if (wrong !== undefined) return wrong;
  const run = value as StudyRun | FailedRun;
  if (run.config.seed !== run.seed) return fault("config.seed", `${run.seed}`, run.config.seed);
  return "rounds" in run ? roundsFault(run) : undefined;
}

/** A result has all the rounds that its settings ask for, in order, and its summary is of the last. */
function roundsFault({ config, rounds, summary }: StudyRun): Fault | undefined {
  const places = [
    ...rounds.map(({ round }, at) => [`rounds[${at}].round`, at + 1, round] as const),
    ["rounds", config.rounds, rounds.length] as const,
    ["summary.final.round", rounds.length, summary.final.round] as const,
  ];
  const wrong = places.find(([, expected, actual]) => actual !== expected);
  return wrong && fault(wrong[0], `${wrong[1]}`, wrong[2]);
}
