/** Scores as clients send them: what is no score is refused with what is wrong with it, and written down. */

import assert from "node:assert/strict";
import { tinyLanguageManifest, tinyManifest } from "../tiny_run.ts";
import {
  enrolledRun,
  expectProblem,
  expectStatus,
  jsonOf,
  sendSigned,
  withApp,
} from "./support.ts";

const rows = { rounds: 0, rows: 10, correct: 5, loss: 7 };
const tokens = { rounds: 0, tokens: 10, loss: 7 };

for (const manifest of [tinyManifest(), tinyLanguageManifest()]) {
  const isClassifier = manifest.task === undefined;
  const name = isClassifier ? "classifier" : "language model";
  Deno.test(`a run of a ${name} takes its scores and refuses others, with a reason`, () =>
    withApp(async (test) => {
      const { run, members } = await enrolledRun(test, { manifest, ready: true });
      const [{ key, client }] = members;
      const report = (score: unknown) =>
        sendSigned(test, key, {
          method: "PUT",
          route: `/v1/runs/${run}/evaluations/${client}`,
          ...jsonOf(score),
        });
      const refused = async (score: unknown, detail: RegExp) => {
        const problem = await expectProblem("malformed", 400, await report(score));
        assert.match(String(problem.detail), detail);
        assert.equal(problem.reason, "malformed");
      };
      const [own, other] = isClassifier ? [rows, tokens] : [tokens, rows];
      await expectStatus(204, await report(own));
      await refused(other, /^Cannot take the evaluation: the run trains a .*: expected /);
      // JSON has no NaN and no infinity: what a client makes of them is null.
      await refused({ ...own, loss: NaN }, /^Cannot read the body at "loss": expected number, rec/);
      await refused({ ...own, loss: -1 }, /^Cannot read the body at "loss": /);
      await refused({ ...rows, correct: 0.5 }, /^Cannot read the body at "correct": /);
      await refused({ ...tokens, tokens: 0 }, /^Cannot read the body at "tokens": /);
      await refused({ rounds: 0 }, /^Cannot read the body/);
      const { rejectCounts } = await test.service.db.query<{ count: number }>(
        "SELECT SUM(count) AS count FROM reject_counts",
      ).then(([{ count }]) => ({ rejectCounts: Number(count) }));
      assert.equal(rejectCounts, 6, "none was dropped silently");
    }));
}
