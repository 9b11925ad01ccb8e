import assert from "node:assert/strict";
import { describeRun } from "../../../src/cli/run/manifest_text.ts";
import { tinyManifest } from "../../server/tiny_run.ts";

Deno.test("describeRun() counts steps and clients, also one of them", () => {
  const roundsOf = (seats: number, localSteps: number) =>
    describeRun("r1", "http://host", tinyManifest({ seats, training: { localSteps } }))
      .find((line) => line.startsWith("Rounds"));
  assert.match(roundsOf(3, 20)!, /^Rounds {3}3 of 20 steps; 3 of 3 clients a round, quorum 3, /);
  assert.match(roundsOf(1, 1)!, /^Rounds {3}3 of 1 step; 1 of 1 client a round, quorum 1, /);
});
