import assert from "node:assert/strict";
import type { ClientEvent, Trainer } from "../../../src/federated/remote/client_job.ts";
import { RoundFailure } from "../../../src/federated/remote/client_job.ts";
import { runClient } from "../../../src/federated/remote/client_loop.ts";
import type { ClientStore } from "../../../src/federated/remote/client_store.ts";
import { RemoteProblem } from "../../../src/federated/remote/remote_problem.ts";
import { UserError } from "../../../src/protocol/errors.ts";
import { decodeChoice } from "../../../src/protocol/messages/mod.ts";
import { type Arrived, type FakeRun, fakeRun, problem } from "./fake_server.ts";
import { memoryStore } from "./memory_store.ts";
import { jobFor, manifest, play, textTrainer, UNDISTURBED } from "./played_client.ts";

const kindsOf = (events: readonly ClientEvent[]) =>
  events.map(({ kind }) => kind).filter((kind) => kind !== "step").join(" ");

Deno.test("runClient() trains every round, scores every bank, and ends with the final one", async () => {
  const run = fakeRun(3);
  const scored: string[] = [];
  const { end, events } = await play(run.handler, { trainer: textTrainer([], scored) });
  assert.deepEqual(run.updates, UNDISTURBED);
  assert.deepEqual(scored, [
    "download: download 0",
    "download: download 1",
    "download: download 2",
    "bank: bank 3",
  ]);
  assert.deepEqual(run.reports.map(({ rounds }) => rounds), [0, 1, 2, 3]);
  assert.ok(end.kind === "finished");
  assert.equal(new TextDecoder().decode(end.bank), "bank 3");
  assert.deepEqual(end.heldOut, { rounds: 3, rows: 10, correct: 4, loss: 7.5 });
  assert.equal(kindsOf(events), "started scored round ".repeat(3) + "scored");
  const first = events.find((event) => event.kind === "round")!;
  assert.deepEqual(
    [first.round, first.heldOut?.rounds, first.up, first.down],
    [0, 0, UNDISTURBED[0].length, "download 0".length],
  );
});

Deno.test("runClient() tells the page how far it is, at most every few seconds", async () => {
  const run = fakeRun(1);
  const told = Promise.withResolvers<void>();
  const { events } = await play(async (request) => {
    const answer = await run.handler(request);
    if (run.progress.length > 0) told.resolve();
    return answer;
  });
  assert.equal(events.filter(({ kind }) => kind === "step").length, 2);
  await told.promise; // the client does not wait for its word on progress to arrive
  assert.deepEqual(run.progress.map((text) => JSON.parse(text)), [
    { round: 0, attempt: 0, step: 1, steps: 2 },
  ]);
});

/** Ends the client at its nth effect, on the store or the server, before or after it took place. */
class Crash extends Error {}

function crashing(at: number, after: boolean, files: Map<string, Uint8Array>, run: FakeRun) {
  const controller = new AbortController();
  let effects = 0;
  const around = async <T>(effect: () => Promise<T>): Promise<T> => {
    controller.signal.throwIfAborted();
    const last = effects++ === at;
    const result = last && !after ? undefined : await effect();
    if (!last) return result as T;
    controller.abort(new Crash());
    throw controller.signal.reason;
  };
  const inner = memoryStore(files);
  const store: ClientStore = {
    read: inner.read,
    write: (name, bytes) => around(() => inner.write(name, bytes)),
    remove: (name) => around(() => inner.remove(name)),
  };
  const handler = (request: Arrived) =>
    // A word on progress is nobody's effect, and comes when it likes.
    request.route.includes("/progress")
      ? run.handler(request)
      : around(async () => await run.handler(request));
  return { store, handler, signal: controller.signal };
}

for (const after of [false, true]) {
  Deno.test(`runClient() goes on from an end ${after ? "after" : "before"} any effect, and trains nothing twice that was kept`, async () => {
    let crashes = 0;
    for (let at = 0;; at++) {
      const run = fakeRun(3, { choosing: true });
      const files = new Map<string, Uint8Array>();
      const trained: string[] = [];
      const { store, handler, signal } = crashing(at, after, files, run);
      const { job } = jobFor(handler, { store, trainer: textTrainer(trained) });
      const ended = await runClient({ ...job, connection: { ...job.connection, signal } })
        .then(() => true, (error) => {
          assert.ok(error instanceof Crash, error.stack);
          return false;
        });
      if (ended) break;
      crashes++;
      const kept = files.has("pending.safetensors");
      const trainedBefore = trained.length;

      await play(run.handler, { store: memoryStore(files), trainer: textTrainer(trained) });
      assert.deepEqual(run.updates, UNDISTURBED, `crash at ${at}`);
      assert.deepEqual(run.reports.map(({ rounds }) => rounds), [0, 1, 2, 3]);
      if (kept) assert.equal(trained.length, 3, `crash at ${at}: trained again`);
      else assert.ok(trained.length - trainedBefore <= 3 && trained.length <= 4);
      assert.ok(!files.has("pending.safetensors"));
    }
    assert.ok(crashes > 20, `${crashes} points of the run were tried`);
  });
}

Deno.test("runClient() delivers a kept update under its old id", async () => {
  const run = fakeRun(1);
  const files = new Map<string, Uint8Array>();
  let lost = true;
  const controller = new AbortController();
  const { job } = jobFor(async (request) => {
    const answer = await run.handler(request);
    if (!request.route.includes("/updates/") || !lost) return answer;
    controller.abort(new Crash()); // accepted, but the word of it is lost
    throw new TypeError("cut");
  }, { store: memoryStore(files) });
  const first = { ...job, connection: { ...job.connection, signal: controller.signal } };
  await assert.rejects(runClient(first), Crash);
  lost = false;
  const { events } = await play(run.handler, { store: memoryStore(files) });
  assert.equal(run.ids.length, 2);
  assert.equal(new Set(run.ids).size, 1);
  assert.equal(run.updates.length, 1);
  assert.equal(kindsOf(events), "delivered scored");
});

Deno.test("runClient() keeps an update that a proxy in between refused, and delivers it at the next start", async () => {
  const run = fakeRun(1);
  const files = new Map<string, Uint8Array>();
  const trained: string[] = [];
  const { job } = jobFor((request) => {
    const isUpdate = request.route.includes("/updates/");
    return isUpdate ? new Response("<h1>Not found</h1>", { status: 404 }) : run.handler(request);
  }, { store: memoryStore(files), trainer: textTrainer(trained) });
  await assert.rejects(runClient(job), /answered 404 without saying why/);
  assert.ok(files.has("pending.safetensors"));
  await play(run.handler, { store: memoryStore(files), trainer: textTrainer(trained) });
  assert.deepEqual(run.updates, UNDISTURBED.slice(0, 1));
  assert.equal(trained.length, 1, "it is not trained again");
});

Deno.test("runClient() drops an update that comes too late, and trains the next attempt from the same memory", async () => {
  const run = fakeRun(3);
  const late = new Set([1]);
  const { events } = await play(async (request) => {
    if (request.route.includes("/updates/") && late.delete(run.round)) run.attempt++;
    return await run.handler(request);
  });
  assert.deepEqual(run.updates, UNDISTURBED);
  assert.equal(run.ids.length, 4);
  const dropped = events.find((event) => event.kind === "dropped");
  assert.deepEqual(dropped, { kind: "dropped", round: 1, why: "it says round-closed" });
});

Deno.test("runClient() trains an attempt that missed its quorum from the memory of the round before", async () => {
  const run = fakeRun(3);
  let missed = false;
  await play(async (request) => {
    const answer = await run.handler(request);
    if (request.route.includes("/updates/") && run.round === 2 && !missed) {
      missed = true;
      [run.round, run.attempt] = [1, 1];
      run.updates.pop();
    }
    return answer;
  });
  assert.ok(missed);
  assert.deepEqual(run.updates, UNDISTURBED);
});

Deno.test("runClient() chooses by its own scores where it is asked to", async () => {
  const run = fakeRun(2, { choosing: true });
  const choices: string[] = [];
  const { end } = await play((request) => {
    if (request.route.includes("/choices/")) {
      const { address, indices } = decodeChoice(request.body, manifest.layout);
      choices.push(`${address.round}: ${indices[0]}`);
    }
    return run.handler(request);
  });
  assert.equal(end.kind, "finished");
  // All tie in the first round; then the text trainer's scores prefer the last ones.
  assert.match(choices[0], /^0: \d,\d$/);
  assert.equal(choices[1], "1: 2,3");
  assert.deepEqual(run.updates, UNDISTURBED.slice(0, 2));
});

Deno.test("runClient() reports a round that failed, does not train it again, and goes on", async () => {
  const run = fakeRun(2);
  const trained: string[] = [];
  const good = textTrainer(trained);
  const trainer: Trainer = {
    ...good,
    round: (download, memory, onStep) => {
      if (run.round === 0 && run.attempt === 0) {
        trained.push("failed");
        return Promise.reject(new RoundFailure("the loss became NaN"));
      }
      return good.round(download, memory, onStep);
    },
  };
  let asked = 0;
  const { job, events, slept } = jobFor((request) => {
    if (request.route.includes("/task") && ++asked === 4) run.attempt = 1;
    return run.handler(request);
  }, { trainer });
  assert.equal((await runClient(job)).kind, "finished");
  assert.deepEqual(trained, ["failed", "download 0", "download 1"]);
  assert.deepEqual(events.find((event) => event.kind === "failed"), {
    kind: "failed",
    round: 0,
    why: "the loss became NaN",
  });
  assert.deepEqual(slept, [10_000, 10_000], "it looks again after a while, not at once");
});

Deno.test("runClient() ends when training fails by the user's fault", async () => {
  const trainer = { ...textTrainer(), round: () => Promise.reject(new UserError("bad file")) };
  await assert.rejects(play(fakeRun(1).handler, { trainer }), /bad file/);
});

Deno.test("runClient() tells that it waits when it begins to, not each time it asks", async () => {
  const run = fakeRun(1);
  const answers = ["clients", "clients", "round", "round"];
  const waits: string[] = [];
  const { job, events, slept } = jobFor((request) => {
    const waited = /task\?wait=(\d+)/.exec(request.route);
    if (!waited) return run.handler(request);
    waits.push(waited[1]);
    const reason = answers.shift();
    return reason ? Response.json({ kind: "wait", reason }) : run.handler(request);
  });
  await runClient(job);
  assert.equal(kindsOf(events.slice(0, 2)), "waiting waiting");
  assert.equal(events.filter(({ kind }) => kind === "waiting").length, 2);
  assert.deepEqual(waits.slice(0, 3), ["0", "25", "25"], "the first answer comes at once");
  assert.deepEqual(slept, [1000, 1000, 1000], "a server that does not hold the question is spared");
});

Deno.test("runClient() ends when the run was stopped, and when the client was withdrawn", async () => {
  const stopped = await play(() => Response.json({ kind: "stopped", rounds: 4 }));
  assert.deepEqual(stopped.end, { kind: "stopped", rounds: 4 });
  const withdrawn = await play(() => problem("withdrawn", 403)).catch((error) => error);
  assert.ok(withdrawn instanceof RemoteProblem && withdrawn.code === "withdrawn");
});

Deno.test("runClient() asks for the next task when the run ends under its round", async () => {
  let over = false;
  const run = fakeRun(5);
  const trainer = textTrainer();
  // Its word on progress, which nobody waits for, could still be on its way when the run is over.
  const silent: Trainer = {
    ...trainer,
    round: (download, memory) => trainer.round(download, memory, () => {}),
  };
  const { end } = await play((request) => {
    if (over && request.route.includes("/task")) {
      return Response.json({ kind: "stopped", rounds: 0 });
    }
    over ||= request.route.includes("/updates/");
    return over ? problem("run-over", 409) : run.handler(request);
  }, { trainer: silent });
  assert.deepEqual(end, { kind: "stopped", rounds: 0 });
});

Deno.test("runClient() refuses a damaged state by name", async () => {
  for (const name of ["pending.safetensors", "memory.safetensors", "evaluated.json"] as const) {
    const store = memoryStore(new Map([[name, new TextEncoder().encode("{")]]));
    await assert.rejects(
      play(fakeRun(2).handler, { store }),
      (error: Error) => error instanceof UserError && error.message.includes(name),
    );
  }
});
