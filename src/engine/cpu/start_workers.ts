/** Starting the threads beside the calling one: all of them, or none. @module */

/**
 * Starts the workers of `threads` threads, sends each the setup with its index, from 1 on, and waits until all are ready. When one fails, all are ended: the
 * others would wait for a command that never comes.
 *
 * @param ready resolves once a worker says that it is ready, and rejects when it fails instead
 * @throws what `startWorker` or the first failing `ready` threw.
 */
export async function startWorkers(
  setup: { readonly threads: number },
  startWorker: () => Worker,
  ready: (worker: Worker) => Promise<unknown>,
): Promise<Worker[]> {
  const workers: Worker[] = [];
  try {
    for (let index = 1; index < setup.threads; index++) workers.push(startWorker());
    const allReady = Promise.all(workers.map(ready));
    workers.forEach((worker, i) => worker.postMessage({ ...setup, index: i + 1 }));
    await allReady;
    return workers;
  } catch (error) {
    workers.forEach((worker) => worker.terminate());
    throw error;
  }
}
