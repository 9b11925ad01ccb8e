/** Times of programs on a GPU that does not tell its own: by this thread's clock. @module */

import type { GpuTimes, TimedNode } from "./gpu_times.ts";
import type { ProgramProfile } from "./profile.ts";

/** The time from the first run after a read to the end of the next read, dealt over the runs in between by their work. */
export function wallTimes(programs: ReadonlyMap<string, readonly TimedNode[]>): GpuTimes {
  const known = new Map([...programs].map(([name, nodes]) => [name, {
    cost: nodes.reduce(
      (sum, { cost }) => ({ flops: sum.flops + cost.flops, bytes: sum.bytes + cost.bytes }),
      { flops: 0, bytes: 0 },
    ),
    runs: 0,
    encodeSeconds: 0,
    submitSeconds: 0,
    seconds: 0,
  }]));
  let began = 0;
  let encoding = 0;
  let since: number | undefined;
  let work = new Map<string, number>();
  return {
    clock: "wall",
    passes(_, dispatches) {
      began = performance.now();
      return [{ dispatches }];
    },
    encoded: () => void (encoding = (performance.now() - began) / 1000),
    submitted() {},
    ran(program, seconds) {
      const runs = known.get(program)!;
      since ??= performance.now() - 1000 * seconds;
      runs.runs++;
      runs.encodeSeconds += encoding;
      runs.submitSeconds += seconds - encoding;
      work.set(program, (work.get(program) ?? 0) + runs.cost.flops + runs.cost.bytes);
    },
    settle: () => Promise.resolve(),
    finished() {
      if (since === undefined) return;
      const seconds = (performance.now() - since) / 1000;
      const total = [...work.values()].reduce((sum, part) => sum + part, 0);
      for (const [program, part] of work) known.get(program)!.seconds += seconds * part / total;
      since = undefined;
      work = new Map();
    },
    take() {
      const profiles = [...known].filter(([, { runs }]) => runs > 0).map(
        ([program, { cost, seconds, ...calls }]): ProgramProfile => ({
          program,
          ...calls,
          nodes: [{ kernel: program, cost, seconds, idleSeconds: 0 }],
        }),
      );
      for (const sums of known.values()) {
        sums.runs =
          sums.encodeSeconds =
          sums.submitSeconds =
          sums.seconds =
            0;
      }
      return Promise.resolve(profiles);
    },
  };
}
