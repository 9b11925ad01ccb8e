/** Workers of modules in turn, and how many of them were started and ended. */
export function countedWorkers(...modules: readonly URL[]) {
  const count = { started: 0, ended: 0 };
  const startWorker = (): Worker => {
    const worker = new Worker(modules[count.started++ % modules.length], { type: "module" });
    const terminate = worker.terminate.bind(worker);
    worker.terminate = () => {
      count.ended++;
      terminate();
    };
    return worker;
  };
  return { count, startWorker };
}
