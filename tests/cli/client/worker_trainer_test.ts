import assert from "node:assert/strict";
import { join } from "node:path";
import type { OpenRequest, Told } from "../../../src/cli/client/messages.ts";
import {
  type WorkerLike,
  type WorkerTrainer,
  workerTrainer,
} from "../../../src/cli/client/worker_trainer.ts";
import { builtinCorpus, jsonLines } from "../../../src/data/mod.ts";
import { RoundFailure } from "../../../src/federated/remote/client_job.ts";
import { completeRunConfig } from "../../../src/federated/complete_run_config.ts";
import type { RunConfig } from "../../../src/federated/run_config.ts";
import { encodeBank } from "../../../src/protocol/bank_codec.ts";
import { dealOf } from "../../../src/protocol/deal.ts";
import { UserError } from "../../../src/protocol/errors.ts";
import { decodeUpdate, encodeDownload } from "../../../src/protocol/messages/mod.ts";
import { builtInBase } from "../../../src/weights/built_in_base.ts";
import { countedWorkers } from "../../engine/cpu/counted_workers.ts";
import { loneClientRun } from "./lone_client.ts";

const folder = await Deno.makeTempDir({ prefix: "hafl-worker-test-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const corpus = builtinCorpus(1, { train: 40, test: 0, validation: 10 });
const data = join(folder, "rows.jsonl");
await Deno.writeTextFile(data, jsonLines(corpus));

async function setUp(changes: Partial<RunConfig> = {}) {
  const config = completeRunConfig({
    clients: 1,
    ranks: [2],
    rank: 4,
    rounds: 2,
    localSteps: 3,
    batch: 2,
    seqLen: 8,
    threads: 1,
    ...changes,
  });
  const { manifest, bank } = await loneClientRun({
    config,
    files: builtInBase(),
    labels: corpus.labels,
    ranks: { kind: "fixed", ranks: [2] },
  });
  const request: OpenRequest = {
    manifest,
    model: { model: null, revision: null, given: false },
    data: { data, textColumn: "text", labelColumn: null, heldOut: 0.1, evaluate: false },
    device: { device: "cpu", threads: 1 },
    baseDtype: "f32",
    recompute: false,
    offline: true,
    cacheDir: join(folder, "cache"),
  };
  const chosen = bank.modules.map(() => Uint32Array.of(0, 1));
  const deal = dealOf(bank.rank, 0, 0, "freeze", chosen);
  const download = new Uint8Array(encodeDownload(bank, deal, { run: "run" }).bytes);
  return { request, bank, download };
}

async function withWorker(
  body: (trainer: WorkerTrainer, controller: AbortController) => Promise<void>,
): Promise<void> {
  const controller = new AbortController();
  const url = new URL("../../../src/cli/client/training_worker.ts", import.meta.url);
  const listener = { note() {}, prepare() {} };
  const { count, startWorker } = countedWorkers(url);
  const trainer = workerTrainer(startWorker(), listener, controller.signal);
  try {
    await body(trainer, controller);
  } finally {
    await trainer.close();
  }
  assert.deepEqual(count, { started: 1, ended: 1 });
}

Deno.test("workerTrainer() opens, measures, scores and trains in its worker", () =>
  withWorker(async (trainer) => {
    const { request, bank, download } = await setUp();
    const opened = await trainer.open(request);
    assert.deepEqual([opened.samples, opened.heldOut, opened.device.kind], [40, 10, "cpu"]);
    assert.ok(await trainer.measure() > 0);

    const asBank = await trainer.evaluate({
      kind: "bank",
      bytes: new Uint8Array(encodeBank(bank)),
    });
    assert.ok("rows" in asBank && asBank.rows === 10);
    assert.deepEqual(await trainer.evaluate({ kind: "download", bytes: download }), asBank);

    const steps: string[] = [];
    const tell = (step: number, of: number) => void steps.push(`${step}/${of}`);
    const { update, losses, memory } = await trainer.round(download, {}, tell);
    assert.deepEqual(steps, ["1/3", "2/3", "3/3"]);
    assert.equal(losses.length, 3);
    assert.deepEqual(memory, { scores: undefined, optimizer: undefined });
    const { run, update: decoded } = decodeUpdate(update, bank);
    assert.deepEqual([run, decoded.samples, decoded.round], ["run", 40, 0]);
    // The measurement and the scores before leave no trace.
    const again = await trainer.round(download, {}, () => {});
    assert.equal(again.update.toHex(), update.toHex());
  }));

Deno.test("workerTrainer() brings a client's memory back from its worker", () =>
  withWorker(async (trainer) => {
    const { request, download } = await setUp({ optimizerState: "keep", rankBy: "client" });
    await trainer.open(request);
    const { memory } = await trainer.round(download, {}, () => {});
    assert.ok(memory.scores![0].some((score) => score > 0));
    assert.equal(memory.optimizer!.steps[0], 3);
    const next = await trainer.round(download, memory, () => {});
    assert.equal(next.memory.optimizer!.steps[0], 6);
  }));

Deno.test("workerTrainer() ends under way: what was asked rejects, and the worker closes", () =>
  withWorker(async (trainer, controller) => {
    const { request, download } = await setUp({ localSteps: 100_000 });
    await trainer.open(request);
    const round = trainer.round(download, {}, () => controller.abort(new Error("Ctrl-C")));
    await assert.rejects(round, /Ctrl-C/);
  }));

Deno.test("workerTrainer() tells a round that went wrong from a user's mistake", () =>
  withWorker(async (trainer) => {
    const { request, download } = await setUp({
      optimizer: "sgd",
      lr: 1e30,
      headLr: 1e30,
      clipNorm: 0,
    });
    const missing = { ...request, data: { ...request.data, data: join(folder, "none.jsonl") } };
    await assert.rejects(trainer.open(missing), (error: Error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /no such file/);
      return true;
    });
    await trainer.open(request);
    await assert.rejects(trainer.round(download, {}, () => {}), (error: Error) => {
      assert.ok(error instanceof RoundFailure);
      assert.match(error.message, /^(the loss|a weight) became .* at step \d$/);
      return true;
    });
  }));

Deno.test("workerTrainer() refuses another model than the run's, naming both", () =>
  withWorker(async (trainer) => {
    const { request } = await setUp();
    const model = { ...request.manifest.model, hash: "0".repeat(64) };
    const other = { ...request, manifest: { ...request.manifest, model } };
    await assert.rejects(trainer.open(other), /run was made for model "built-in base" \(0000/);
  }));

Deno.test("workerTrainer() refuses a run that is too large for the machine, in words of a client", () =>
  withWorker(async (trainer) => {
    const { request } = await setUp({ batch: 65_536, seqLen: 16 });
    await assert.rejects(trainer.open(request), (error: Error) => {
      assert.ok(error instanceof UserError);
      assert.match(
        error.message,
        /GiB; try --recompute or --base-dtype f16 or int8; beyond these, this run needs a GPU or more memory$/,
      );
      return true;
    });
  }));

Deno.test("workerTrainer() scores no bank that is not the run's", () =>
  withWorker(async (trainer) => {
    const { request } = await setUp();
    const { bank } = await setUp({ rank: 8 });
    await trainer.open(request);
    await assert.rejects(
      trainer.evaluate({ kind: "bank", bytes: new Uint8Array(encodeBank(bank)) }),
      /^UserError: Cannot use the adapter of "news": expected the rank, alpha, modules and head/,
    );
  }));

Deno.test("workerTrainer() closes though its worker cannot, and hides nothing by it", async () => {
  let terminated = false;
  const worker: WorkerLike = {
    onmessage: null as ((event: MessageEvent<Told>) => void) | null,
    onerror: null,
    postMessage({ ask }) {
      const failure = { kind: "fault", message: "the device is gone" } as const;
      const data: Told = { kind: "failed", to: ask, failure };
      const event = new MessageEvent("message", { data });
      queueMicrotask(() => this.onmessage!(event));
    },
    terminate: () => void (terminated = true),
  };
  const trainer = workerTrainer(
    worker,
    { note() {}, prepare() {} },
    new AbortController().signal,
  );
  await trainer.close();
  assert.ok(terminated);
});

Deno.test("workerTrainer() fails with its worker, and still closes", async () => {
  const worker: WorkerLike = {
    onmessage: null as ((event: MessageEvent<Told>) => void) | null,
    onerror: null,
    postMessage() {
      const event = new ErrorEvent("error", { message: "out of memory", cancelable: true });
      queueMicrotask(() => this.onerror!(event));
    },
    terminate() {
      terminated = true;
    },
  };
  let terminated = false;
  const listener = { note() {}, prepare() {} };
  const trainer = workerTrainer(worker, listener, new AbortController().signal);
  await assert.rejects(trainer.measure(), /The training worker failed: out of memory/);
  await trainer.close();
  assert.ok(terminated);
});
