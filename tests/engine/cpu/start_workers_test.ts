import assert from "node:assert/strict";
import { startWorkers } from "../../../src/engine/cpu/start_workers.ts";
import { workerMessage } from "../../../src/engine/cpu/worker_message.ts";
import { countedWorkers } from "./counted_workers.ts";

const answering = new URL("./answering_worker.ts", import.meta.url);
const broken = new URL("./broken_worker.ts", import.meta.url);

Deno.test("startWorkers() sends each worker the setup with its index, and waits until all are ready", async () => {
  const { count, startWorker } = countedWorkers(answering);
  const answers: unknown[] = [];
  const workers = await startWorkers(
    { threads: 3 },
    startWorker,
    async (worker) => answers.push(await workerMessage(worker, "Cannot start")),
  );
  assert.deepEqual(new Set(answers), new Set([{ threads: 3, index: 1 }, { threads: 3, index: 2 }]));
  assert.deepEqual(count, { started: 2, ended: 0 });
  workers.forEach((worker) => worker.terminate());
});

Deno.test("startWorkers() starts none beside a single thread", async () => {
  const { startWorker } = countedWorkers(broken);
  assert.deepEqual(await startWorkers({ threads: 1 }, startWorker, () => Promise.reject()), []);
});

Deno.test("startWorkers() ends all workers when one fails, whichever it is", async () => {
  for (const modules of [[broken, answering], [answering, broken]]) {
    const { count, startWorker } = countedWorkers(...modules);
    const ready = (worker: Worker) => workerMessage(worker, "Cannot start");
    await assert.rejects(startWorkers({ threads: 3 }, startWorker, ready), {
      message: /^Cannot start: a worker failed: /,
    });
    assert.deepEqual(count, { started: 2, ended: 2 });
  }
});

Deno.test("startWorkers() ends those that it started when another cannot be made", async () => {
  const { count, startWorker } = countedWorkers(answering);
  const refusing = () => {
    if (count.started === 1) throw new RangeError("no more workers");
    return startWorker();
  };
  await assert.rejects(startWorkers({ threads: 3 }, refusing, () => Promise.resolve()), RangeError);
  assert.deepEqual(count, { started: 1, ended: 1 });
});
