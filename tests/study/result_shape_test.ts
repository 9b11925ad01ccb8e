import assert from "node:assert/strict";
import { resultFault } from "../../src/study/result_shape.ts";
import { sampleStudy } from "./sample_study.ts";

const results = sampleStudy({
  rounds: 3,
  cells: { iid: { settings: { partition: "iid", clients: 3 }, level: 1 } },
  methods: { one: { settings: {}, peak: 0.5, pace: 4, fails: [2] } },
  grid: [{ cells: ["iid"], methods: ["one"], seeds: [1, 2] }],
});

type Json = Record<string, unknown>;

/** A result as JSON.parse gives it. */
const parsed = (run: unknown): Json => JSON.parse(JSON.stringify(run));
const finished = () => parsed(results.runs[0]);
const failed = () => parsed(results.failed[0]);

/** Every entry of a value: its place, the object it stands in, and its key there. */
function* entriesOf(value: unknown, path = ""): Generator<[string, Json, string]> {
  if (typeof value !== "object" || value === null) return;
  for (const [key, entry] of Object.entries(value)) {
    const place = Array.isArray(value) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
    yield [place, value as Json, key];
    // A setting is an entry, whatever it holds.
    if (!place.startsWith("config.")) yield* entriesOf(entry, place);
  }
}

Deno.test("resultFault() takes what a study keeps, also without what older versions did not know", () => {
  assert.equal(resultFault(finished()), undefined);
  assert.equal(resultFault(failed()), undefined);
  const older = finished();
  delete (older.config as Json).proximal;
  for (const round of older.rounds as Json[]) delete round.worstClient;
  assert.equal(resultFault(older), undefined);
});

Deno.test("resultFault() names every entry that is missing, null or of another kind", () => {
  const unnoticed = /^config\.|worstClient$|^summary\.test$|^rounds\[\d\]\.trainLoss$/;
  for (const make of [finished, failed]) {
    const places = [...entriesOf(make())].map(([place]) => place);
    for (const [at, place] of places.entries()) {
      for (const wrong of [undefined, null, {}, "?"]) {
        const run = make();
        const [, parent, key] = [...entriesOf(run)][at];
        if (typeof parent[key] === "string" && wrong === "?") continue;
        parent[key] = wrong;
        const fault = resultFault(run);
        if (fault === undefined) assert.match(place, unnoticed);
        else {assert.ok(
            fault.startsWith(`${place}: expected `) || fault.startsWith(`${place}.`),
            fault,
          );}
      }
    }
  }
});

Deno.test("resultFault() refuses parts that do not go together", () => {
  const wrong = (change: Json, message: string) =>
    assert.equal(resultFault({ ...finished(), ...change }), message);
  const { rounds, config, summary } = finished() as Record<string, Json> & { rounds: Json[] };
  wrong({ rounds: [] }, "rounds: expected a list of at least 1, got []");
  wrong({ rounds: rounds.slice(0, 2) }, "rounds: expected 3, got 2");
  wrong({ rounds: rounds.toReversed() }, "rounds[0].round: expected 1, got 3");
  wrong({ config: { ...config, seed: 7 } }, "config.seed: expected 1, got 7");
  wrong({ config: {} }, "config.rounds: expected a whole number of at least 1, got nothing");
  const final = { ...summary.final as Json, round: 2 };
  wrong({ summary: { ...summary, final } }, "summary.final.round: expected 3, got 2");
  for (const value of [undefined, null, [], "text", 3]) {
    assert.match(resultFault(value)!, /^expected an object, got /);
  }
});
