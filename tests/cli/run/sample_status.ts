/** A run in its third round, for tests of what is shown of it. */

import type {
  AnyScore,
  RoundStatus,
  RunStatus,
  Score,
  SeatStatus,
} from "../../../src/protocol/http/documents.ts";

/** The server's time. */
export const now = 1_700_000_000_000;

const bytes = { lora: 1000, head: 200, overhead: 34, total: 1234 };

export function score(accuracy: number, parties = 2): Score {
  return { accuracy, loss: 1.5, rows: 100 * parties, parties };
}

export function round(number: number, heldOut: AnyScore | null): RoundStatus {
  return {
    round: number,
    attempts: number === 0 ? 0 : 1,
    sampled: [0, 1],
    contributors: number === 0 ? [] : [0, 1],
    samples: 70,
    heldOut,
    evaluators: null,
    upBytes: bytes,
    downBytes: bytes,
    trainedShare: number === 0 ? 0 : 0.5,
    scores: [[1]],
    selected: [[1]],
    openedAt: number === 0 ? null : now - 8000,
    publishedAt: now,
    bankDigest: "0".repeat(64),
  };
}

export function seat(client: number, changes: Partial<SeatStatus> = {}): SeatStatus {
  return {
    client,
    role: "client",
    state: "ready",
    name: `site ${client}`,
    rank: 2 * (client + 1),
    samples: 1035,
    lastContact: now - 4000,
    activity: "idle",
    progress: null,
    ...changes,
  };
}

export const sample: RunStatus = {
  run: "rabc",
  name: "news",
  state: "running",
  roundsDone: 2,
  rounds: 5,
  createdAt: now - 60_000,
  revision: 7,
  task: "classify",
  labels: 4,
  modules: ["q_proj", "v_proj"],
  rank: 4,
  facts: {
    model: "tiny",
    method: "freeze + adaptive",
    ranks: "2,4",
    seats: 2,
    perRound: 2,
    quorum: 1,
    deadlineSeconds: 600,
  },
  retries: 0,
  current: {
    round: 2,
    attempt: 0,
    state: "collecting",
    openedAt: now - 10_000,
    deadline: now + 590_000,
    sampled: [0, 1],
    received: [1],
  },
  seats: [
    seat(0, {
      activity: "training",
      progress: { round: 2, attempt: 0, step: 7, steps: 20 },
    }),
    seat(1, { activity: "uploaded" }),
  ],
  published: [round(0, score(0.25)), round(1, score(0.5)), round(2, score(0.75, 1))],
  rejectCounts: { norm: 2, replay: 1 },
  rejects: [{
    time: now,
    client: 1,
    round: 1,
    reason: "norm",
    detail: "Cannot take the update: its norm is 9, expected at most 3",
  }],
  serverTime: now,
};
