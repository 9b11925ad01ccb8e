/** Waiting for a word from a worker. @module */

/** The next message of a worker; rejects with an error that begins with `failure` when the worker fails instead. */
export function workerMessage<T>(worker: Worker, failure: string): Promise<T> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<T>) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`${failure}: a worker failed: ${event.message}`));
    };
  });
}
