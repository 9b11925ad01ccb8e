import assert from "node:assert/strict";
import { adminCommands, joinCommand } from "../../../server/dashboard/commands.js";
import { createServerClock } from "../../../server/dashboard/clock.js";
import { isInvitation } from "../../../server/dashboard/invitation.js";
import { newsOf } from "../../../server/dashboard/news.js";
import { nextStep } from "../../../server/dashboard/next_step.js";
import { roundParts } from "../../../server/dashboard/round_bar.js";
import {
  leadText,
  roundFigure,
  scoreFigure,
  timeLeft,
  updatesFigure,
} from "../../../server/dashboard/run_figures.js";
import { bestScore, mainScores } from "../../../server/dashboard/scores.js";
import type { RoundStatus, Score } from "../../../src/protocol/http/documents.ts";
import { sampleStatus } from "./sample_status.ts";

const origin = "http://127.0.0.1:8080";
const running = sampleStatus({ state: "running", roundsDone: 3, scored: false });

Deno.test("nextStep() names the command for every state that waits for a person", () => {
  const commands = (
    state: "draft" | "waiting" | "running" | "finished" | "stopped",
    done: number,
  ) => nextStep({ ...running, state, roundsDone: done }, origin)?.commands;
  const { create, invite, exportRun } = adminCommands(origin);
  assert.deepEqual(commands("draft", 0), [create]);
  assert.deepEqual(commands("waiting", 0), [invite(running.run), joinCommand("INVITATION")]);
  assert.deepEqual(commands("running", 0), []);
  assert.equal(commands("running", 3), undefined);
  assert.deepEqual(commands("finished", 3), [exportRun(running.run)]);
  assert.deepEqual(commands("stopped", 3), [exportRun(running.run)]);
  assert.equal(commands("stopped", 0), undefined);
});

Deno.test("nextStep() invites nobody where all seats are taken", () => {
  const seats = running.seats.map((seat) => ({ ...seat, state: "ready" as const }));
  const step = nextStep({ ...running, state: "waiting", seats }, origin);
  assert.deepEqual(step?.commands, ["deno task client --name NAME"]);
});

Deno.test("adminCommands() names the server where it is not the default one", () => {
  assert.equal(adminCommands(origin).invite("r1"), "deno task run invite r1");
  assert.equal(
    adminCommands("https://hafl.example.org").invite("r1"),
    "deno task run invite r1 --server https://hafl.example.org",
  );
});

function withOneParty(round: RoundStatus): RoundStatus {
  return {
    ...round,
    contributors: [0, 1],
    heldOut: round.heldOut && { ...round.heldOut, parties: 1 },
  };
}

Deno.test("newsOf() tells what changed, the most important first", () => {
  const later = sampleStatus({ state: "running", roundsDone: 4, scored: false });
  const scored = sampleStatus({ state: "running", roundsDone: 4 });
  const missed = sampleStatus({ state: "running", roundsDone: 3, scored: false, attempt: 1 });
  assert.equal(newsOf(running, { ...later, state: "stopped" }), "The run is stopped.");
  assert.equal(newsOf(running, later), "Round 4 of 20 is published.");
  assert.match(newsOf(later, scored) ?? "", /^Accuracy after round 4: \d+\.\d %\.$/);
  const early = { ...scored, published: scored.published.map(withOneParty) };
  assert.equal(newsOf(later, early), undefined, "one client's accuracy is no news");
  assert.equal(newsOf(running, missed), "Round 4 missed its quorum; attempt 2 is open.");
  assert.equal(newsOf(running, running), undefined);
});

Deno.test("roundParts() puts updates first, then who is furthest, and ignores another round's progress", () => {
  const [seat] = running.seats;
  const progress = { round: 3, attempt: 0, step: 5, steps: 20 };
  const parts = roundParts({
    current: { ...running.current!, sampled: [0, 1, 2, 3], received: [3] },
    seats: [
      { ...seat, client: 0, progress: { ...progress, round: 2, step: 20 } },
      { ...seat, client: 1, progress },
      { ...seat, client: 2, progress: { ...progress, step: 10 } },
      { ...seat, client: 3, progress: null },
    ],
  });
  assert.deepEqual(parts, [
    { client: 3, isIn: true, share: 1 },
    { client: 2, isIn: false, share: 0.5 },
    { client: 1, isIn: false, share: 0.25 },
    { client: 0, isIn: false, share: 0 },
  ]);
  assert.deepEqual(roundParts({ current: null, seats: [] }), []);
});

Deno.test("mainScores() prefers the clients' rows, and bestScore() the earliest of equals", () => {
  const score = (accuracy: number) => ({ accuracy, loss: 1, rows: 1, parties: 1 });
  const [initial] = running.published;
  const rounds = [0.2, 0.5, 0.5].map((accuracy, round) => ({
    ...initial,
    round,
    heldOut: score(accuracy),
    evaluators: score(1 - accuracy),
  }));
  const { by, scores } = mainScores(rounds);
  assert.equal(by, "clients");
  assert.equal(bestScore(scores).round, 1);
  const alone = mainScores(rounds.map((each) => ({ ...each, heldOut: null })));
  assert.equal(alone.by, "evaluators");
  assert.equal(bestScore(alone.scores).round, 0);
  assert.deepEqual(mainScores(running.published).scores, []);
});

Deno.test("a language model's run is told by its perplexity, and its best round is that of the lowest loss", () => {
  const score = (loss: number) => ({ perplexity: Math.exp(loss), loss, tokens: 90, parties: 2 });
  const [initial] = running.published;
  const published = [5, 3, 4].map((loss, round) => ({
    ...initial,
    round,
    contributors: [0, 1],
    heldOut: score(loss),
  }));
  const status = { ...running, task: "lm" as const, labels: 0, published };
  assert.deepEqual(scoreFigure(status), ["54.6", "best 20.1, round 1"]);
  assert.match(leadText(status), /; a language model of texts\. /);
  assert.match(leadText({ ...status, task: "chat" }), /; a language model of conversations\. /);
  assert.match(leadText(running), /; 20 labels\. /);
  const before = { ...status, published: published.slice(0, 2) };
  assert.equal(newsOf(before, status), "Perplexity after round 2: 54.6.");
});

Deno.test("createServerClock() carries the server's time on", () => {
  let elapsed = 500;
  const clock = createServerClock(() => elapsed);
  clock.hear(1_000_000);
  elapsed += 250;
  assert.equal(clock.now(), 1_000_250);
  clock.hear(999_000);
  assert.equal(clock.now(), 999_000);
});

Deno.test("isInvitation() tells an invitation from a place in the page", () => {
  assert.ok(isInvitation("#rk3v7q2m.2.s3cr-et_"));
  assert.ok(!isInvitation("#main"));
  assert.ok(!isInvitation("#r.2.se'cret"));
});

Deno.test("roundFigure() and updatesFigure() tell the attempt and what the round aims for", () => {
  const retried = sampleStatus({ state: "running", roundsDone: 3, attempt: 1, received: 2 });
  const waiting = sampleStatus({ state: "waiting", roundsDone: 0 });
  const finished = sampleStatus({ state: "finished", roundsDone: 20 });
  assert.deepEqual(roundFigure(running), ["4 of 20", "collecting"]);
  assert.deepEqual(roundFigure(retried), ["4 of 20", "collecting, attempt 2"]);
  assert.deepEqual(roundFigure(waiting), ["0 of 20", "not started"]);
  assert.deepEqual(roundFigure({ ...finished, retries: 2 }), [
    "20 of 20",
    "done, 2 retries so far",
  ]);
  assert.deepEqual(updatesFigure(retried), ["2 of 7", "quorum 5, 8 sampled"]);
  const few = { ...running, current: { ...running.current!, sampled: [1, 2, 3] } };
  assert.equal(updatesFigure(few)[0], "3 of 3", "no more than were sampled");
});

Deno.test("timeLeft() counts down to the deadline, and not while a round is aggregated", () => {
  const { deadline } = running.current!;
  assert.equal(timeLeft(running, deadline - 61_000)[0], "1:01");
  assert.deepEqual(timeLeft(running, deadline + 1), ["0:00", "deadline is over"]);
  const aggregating = {
    ...running,
    current: { ...running.current!, state: "aggregating" as const },
  };
  assert.deepEqual(timeLeft(aggregating, deadline - 61_000), ["–", "being aggregated"]);
});

function rowScore({ heldOut }: RoundStatus): Score {
  if (heldOut !== null && "accuracy" in heldOut) return heldOut;
  throw new TypeError("expected a score of a classifier");
}

Deno.test("scoreFigure() tells how many clients a new accuracy is of", () => {
  const scored = sampleStatus({ state: "running", roundsDone: 3 });
  const early = { ...scored, published: scored.published.map(withOneParty) };
  assert.equal(scoreFigure(early)[1], "by 1 of 2 clients yet");
  assert.equal(scoreFigure(scored)[1], "best so far, by the clients");
  const [best] = scored.published.slice(-1);
  const worse = { ...best, round: 4, heldOut: { ...rowScore(best), accuracy: 0.01 } };
  const fallen = { ...scored, published: [...scored.published, worse] };
  assert.deepEqual(scoreFigure(fallen)[0], "1.0 %");
  assert.match(scoreFigure(fallen)[1], /^best \d+\.\d %, round 3$/);
  assert.deepEqual(scoreFigure(running), ["–", "nobody has reported yet"]);
});
