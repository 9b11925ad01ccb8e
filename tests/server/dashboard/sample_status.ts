/** A run that never was, at any moment of it, with figures like those of real ones. */

import type {
  RejectStatus,
  RoundStatus,
  RunState,
  RunStatus,
  Score,
  SeatStatus,
} from "../../../src/protocol/http/documents.ts";
import type { MessageSizes } from "../../../src/protocol/messages/mod.ts";
import { randomStream } from "../../../src/protocol/random.ts";

/** The moment that is shown. */
export interface Moment {
  readonly state: RunState;
  readonly roundsDone: number;
  /** Sampled clients whose update is in. */
  readonly received?: number;
  /** Attempts that have missed the quorum in the current round. */
  readonly attempt?: number;
  /** Whether anybody has scored a round. */
  readonly scored?: boolean;
  readonly names?: readonly (string | null)[];
  readonly layers?: number;
  readonly projections?: readonly string[];
  readonly rank?: number;
}

/** The server's clock in every sample. */
export const sampleTime = Date.UTC(2026, 10, 25, 14, 3, 20);

const rounds = 20;
const perRound = 7;
const quorum = 5;
const usualNames = [
  "ward-3-laptop",
  "lab-gpu-01",
  "library-north",
  "Åse's workstation",
  "clinic-nas",
  "site-paris",
  "site-kyoto",
  "build-server",
  "reading-room",
  null,
];

/** A run's status. The same moment gives the same status, but for its revision, which is the caller's to count. */
export function sampleStatus(moment: Moment, revision = 1): RunStatus {
  const {
    state,
    roundsDone,
    received = 3,
    attempt = 0,
    names = usualNames,
    layers = 2,
    projections = ["q_proj", "k_proj", "v_proj", "o_proj"],
    rank = 8,
  } = moment;
  const modules = Array.from({ length: layers }).flatMap((_, layer) =>
    projections.map((projection) => `model.layers.${layer}.self_attn.${projection}`)
  );
  const isRunning = state === "running";
  const sampled = [0, 1, 3, 4, 5, 6, 7, 8];
  const current = {
    round: roundsDone,
    attempt,
    state: "collecting" as const,
    openedAt: sampleTime - 348_000,
    deadline: sampleTime + 252_000,
    sampled,
    received: sampled.slice(0, received),
  };
  const rejects = isRunning ? sampleRejects(roundsDone) : [];
  return {
    run: "rk3v7q2m5xw4t8hna",
    name: "Newsgroups across nine sites",
    state,
    roundsDone,
    rounds,
    createdAt: sampleTime - 5 * 3_600_000,
    revision,
    task: "classify",
    labels: 20,
    modules,
    rank,
    facts: {
      model: "tinystories-656k",
      method: "freeze + adaptive",
      ranks: "fixed: 1 of rank 2, 1 of rank 4, 1 of rank 8",
      seats: 10,
      perRound,
      quorum,
      deadlineSeconds: 600,
    },
    retries: attempt,
    current: isRunning ? current : null,
    seats: sampleSeats(isRunning ? current : null, names, rank),
    published: sampleRounds(modules, rank, roundsDone, moment.scored ?? true),
    rejectCounts: isRunning ? { "bad-signature": 14, "round-closed": 5, norm: 2, replay: 1 } : {},
    rejects,
    serverTime: sampleTime,
  };
}

function sampleSeats(
  current: RunStatus["current"],
  names: readonly (string | null)[],
  rank: number,
): SeatStatus[] {
  const random = randomStream(3, "sample seats");
  const clients = names.map((name, client): SeatStatus => {
    const tier = Math.max(1, Math.round(rank * [0.25, 0.5, 1][client % 3]));
    const samples = 300 + Math.floor(1300 * random.uniform());
    const base = { client, role: "client", name } as const;
    if (name === null) {
      return {
        ...base,
        state: "invited",
        rank: null,
        samples: null,
        lastContact: null,
        activity: "absent",
        progress: null,
      };
    }
    const isReady = client !== 2;
    const isSampled = current?.sampled.includes(client) ?? false;
    const isIn = current?.received.includes(client) ?? false;
    const isTraining = isSampled && !isIn && client % 4 !== 0;
    return {
      ...base,
      state: isReady ? "ready" : "withdrawn",
      rank: tier,
      samples,
      lastContact: sampleTime - (isReady ? 1000 * Math.floor(40 * random.uniform()) : 7_500_000),
      activity: !isReady
        ? "absent"
        : isIn
        ? "uploaded"
        : isTraining
        ? "training"
        : isSampled
        ? "sampled"
        : "idle",
      progress: isTraining && current
        ? { round: current.round, attempt: current.attempt, step: 20 * client - 5, steps: 200 }
        : null,
    };
  });
  const evaluator: SeatStatus = {
    client: names.length,
    role: "evaluator",
    state: "ready",
    name: "public-test-set",
    rank: 0,
    samples: 7532,
    lastContact: sampleTime - 9000,
    activity: "idle",
    progress: null,
  };
  return [...clients, evaluator];
}

function sampleRounds(
  modules: readonly string[],
  rank: number,
  roundsDone: number,
  isScored: boolean,
): RoundStatus[] {
  const random = randomStream(7, "sample rounds");
  const worth = modules.map(() => Array.from({ length: rank }, () => 1e-4 * random.gamma(0.4)));
  const nothing = modules.map(() => new Array<number>(rank).fill(0));
  return Array.from({ length: roundsDone + 1 }, (_, round): RoundStatus => {
    const contributors = [0, 1, 3, 4, 5, 6, 8].slice(0, round === 0 ? 0 : perRound - round % 3);
    const budget = contributors.length * rank * modules.length;
    const accuracy = 0.05 + 0.32 * (1 - Math.exp(-round / 9)) + 0.006 * random.normal();
    return {
      round,
      attempts: round === 0 ? 0 : round === 4 ? 2 : 1,
      sampled: round === 0 ? [] : [0, 1, 3, 4, 5, 6, 7, 8],
      contributors,
      samples: contributors.length * 940,
      heldOut: isScored ? score(accuracy, 1840) : null,
      evaluators: isScored && round % 2 === 0 ? score(accuracy - 0.03, 7532) : null,
      upBytes: bytes(600 * budget, 10_240 * contributors.length),
      downBytes: bytes(round === 0 ? 0 : 1024 * rank * modules.length * 8, round && 81_920),
      trainedShare: round === 0 ? 0 : Math.min(0.98, 0.7 + 0.1 * round),
      scores: round === 0
        ? nothing
        : worth.map((row) => row.map((value) => value * (0.6 + random.uniform()))),
      selected: round === 0 ? nothing : worth.map((row, module) =>
        row.map((value, component) => {
          if (module === 0 && component === 1) return 0;
          const place = row.filter((other) => other > value).length;
          return contributors.filter((client) => place < rank * [0.25, 0.5, 1][client % 3]).length;
        })
      ),
      openedAt: round === 0 ? null : sampleTime - (roundsDone - round + 2) * 480_000,
      publishedAt: sampleTime - (roundsDone - round) * 480_000 - 350_000,
      bankDigest: "0".repeat(64),
    };
  });
}

function sampleRejects(round: number): RejectStatus[] {
  return [
    {
      time: sampleTime - 31_000,
      client: 5,
      round,
      reason: "norm",
      detail: "Cannot use the update of client 5: expected a change of at most 40, got 212.7",
    },
    {
      time: sampleTime - 95_000,
      client: null,
      round: null,
      reason: "bad-signature",
      detail: 'Cannot accept the request: no client has the key "k9Zr0m"',
    },
    {
      time: sampleTime - 640_000,
      client: 7,
      round: Math.max(0, round - 1),
      reason: "round-closed",
      detail: "Cannot take the update of client 7: round 6 closed 41 s ago; ask for the next task",
    },
  ];
}

function score(accuracy: number, rows: number): Score {
  return { accuracy, loss: 3 - 2.6 * accuracy, rows, parties: 7 };
}

function bytes(lora: number, head: number): MessageSizes {
  const overhead = Math.round(0.03 * (lora + head));
  return { lora, head, overhead, total: lora + head + overhead };
}
