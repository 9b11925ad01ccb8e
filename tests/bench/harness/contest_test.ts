import assert from "node:assert/strict";
import {
  type Outcome,
  reaches,
  rowOf,
  type RowPlan,
  runContest,
} from "../../../bench/harness/contest.ts";
import { type Series, stepSpeed } from "../../../bench/harness/figures.ts";
import type { Command } from "../../../bench/harness/subject.ts";

function series(...seconds: number[]): Series {
  const repetitions = seconds.map((each) => ({ seconds: each }));
  return { facts: { B: 1, T: 12 }, repetitions, peakMemory: undefined };
}

const plan: RowPlan = {
  what: "step",
  ours: "ours",
  figure: stepSpeed,
  peer: { title: "peer", subject: "peer", asked: { ratio: 2, bound: "at least" } },
};

Deno.test("rowOf() holds the best of ours against the best of the peer's", () => {
  const outcomes = new Map<string, Outcome>([["ours", series(3, 1, 2)], ["peer", series(4, 6, 5)]]);
  assert.deepEqual(rowOf(plan, outcomes), {
    what: "step",
    unit: "tokens/s",
    ours: 12,
    median: 6,
    peer: {
      title: "peer",
      figure: 3,
      median: 2.4,
      ratio: 4,
      asked: { ratio: 2, bound: "at least" },
      reached: true,
    },
  });
});

Deno.test("rowOf() keeps our figure where the peer is missing, and says why", () => {
  const outcomes = new Map<string, Outcome>([["ours", series(1)], ["peer", { missing: "gone" }]]);
  assert.deepEqual(rowOf(plan, outcomes), {
    what: "step",
    unit: "tokens/s",
    ours: 12,
    median: 12,
    peer: { title: "peer", asked: { ratio: 2, bound: "at least" } },
    missing: "gone",
  });
});

Deno.test("rowOf() without a peer is our figure alone", () => {
  const { peer: _, ...alone } = plan;
  const outcomes = new Map<string, Outcome>([["ours", series(2)]]);
  assert.deepEqual(rowOf(alone, outcomes), {
    what: "step",
    unit: "tokens/s",
    ours: 6,
    median: 6,
  });
});

Deno.test("reaches() counts the limit itself as the bound says", () => {
  const at = (bound: "at least" | "at most" | "less than") =>
    [0.9, 1, 1.1].map((ratio) => reaches(ratio, { ratio: 1, bound }));
  assert.deepEqual(at("at least"), [false, true, true]);
  assert.deepEqual(at("at most"), [true, true, false]);
  assert.deepEqual(at("less than"), [true, false, false]);
});

function program(limit: number): Command {
  const file = new URL("./program_for_tests.ts", import.meta.url).pathname;
  return { program: Deno.execPath(), args: ["run", "--no-lock", file, String(limit)] };
}

Deno.test("runContest() goes on without a program that fails or is not there", async () => {
  const subjects = {
    steady: program(9),
    failing: program(1),
    absent: { program: "hafl-no-such-program", args: [] },
  };
  const outcomes = await runContest({ name: "test", subjects, rows: [] }, 3);
  const { facts, repetitions } = outcomes.get("steady") as Series;
  assert.deepEqual(facts, { limit: 9 });
  assert.deepEqual(repetitions, [{ seconds: 1 }, { seconds: 2 }, { seconds: 3 }]);
  assert.deepEqual(outcomes.get("absent"), { missing: "hafl-no-such-program is not there" });
  const { missing } = outcomes.get("failing") as { missing: string };
  assert.match(missing, /^error: .*Cannot go on after 1$/);
});
