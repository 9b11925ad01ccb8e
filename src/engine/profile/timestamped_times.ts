/** Times of nodes and of whole runs by a GPU's clock. @module */

import type { GpuTimes, TimedNode } from "./gpu_times.ts";
import type { ProgramProfile } from "./profile.ts";
import type { Timestamps } from "./timestamps.ts";

/** Every n-th run has each dispatch in a pass of its own, which can be timed but takes longer to encode. */
const NODES_TIMED_EVERY = 4;

/** What is known of a program's runs. */
interface Runs {
  readonly nodes: readonly TimedNode[];
  count: number;
  encodeSeconds: number;
  submitSeconds: number;
  /** GPU seconds of each node over the runs in which nodes were timed. */
  readonly nodeSeconds: Float64Array;
  nodesTimed: number;
  /** Runs in one pass, as they are without a profile. */
  readonly whole: { count: number; encodeSeconds: number; submits: number; gpuSeconds: number };
}

/** Passes whose times the device holds. */
interface Pending {
  readonly runs: Runs;
  readonly kind: "nodes" | "whole";
}

/** Times for as long as there is room; runs beyond it are taken to be like the others. */
export function timestampedTimes(
  timestamps: Timestamps,
  programs: ReadonlyMap<string, readonly TimedNode[]>,
): GpuTimes {
  const known = new Map([...programs].map(([name, nodes]) => [name, newRuns(nodes)]));
  const room = timestamps.room();
  let pending: Pending[] = [];
  let last: Pending["kind"] | "untimed" = "untimed";
  // The shortest found room in the queue; the others waited for it.
  let shortestSubmit = Infinity;
  let began = 0;
  let encoding = 0;
  let submits = 0;

  const fetch = async (): Promise<void> => {
    const waiting = pending;
    pending = [];
    const seconds = await timestamps.read();
    let next = 0;
    for (const { runs, kind } of waiting) {
      if (kind === "whole") {
        runs.whole.gpuSeconds += seconds[next++];
        runs.whole.count++;
      } else {
        runs.nodes.forEach((_, i) => runs.nodeSeconds[i] += seconds[next++]);
        runs.nodesTimed++;
      }
    }
  };
  return {
    clock: "timestamps",
    passes(program, dispatches) {
      began = performance.now();
      submits = 0;
      const runs = known.get(program)!;
      const each = runs.count % NODES_TIMED_EVERY === 0;
      last = "untimed";
      if (timestamps.room() < (each ? dispatches.length : 1)) return [{ dispatches }];
      last = each ? "nodes" : "whole";
      pending.push({ runs, kind: last });
      return each
        ? dispatches.map((dispatch) => ({
          dispatches: [dispatch],
          timestampWrites: timestamps.next(),
        }))
        : [{ dispatches, timestampWrites: timestamps.next() }];
    },
    encoded: () => void (encoding = (performance.now() - began) / 1000),
    submitted(seconds) {
      submits++;
      shortestSubmit = Math.min(shortestSubmit, seconds);
    },
    ran(program, seconds) {
      const runs = known.get(program)!;
      runs.count++;
      runs.encodeSeconds += encoding;
      runs.submitSeconds += seconds - encoding;
      if (last !== "whole") return;
      runs.whole.encodeSeconds += encoding;
      runs.whole.submits += submits;
    },
    async settle() {
      if (timestamps.room() < room / 2) await fetch();
    },
    finished() {},
    async take() {
      await fetch();
      const profiles = [...known].filter(([, { count }]) => count > 0)
        .map(([name, runs]) => profileOf(name, runs, shortestSubmit));
      for (const [name, { nodes }] of known) known.set(name, newRuns(nodes));
      return profiles;
    },
  };
}

function profileOf(program: string, runs: Runs, shortestSubmit: number): ProgramProfile {
  const { count, encodeSeconds, submitSeconds, nodes, nodeSeconds, nodesTimed, whole } = runs;
  return {
    program,
    runs: count,
    encodeSeconds,
    submitSeconds,
    nodes: nodes.map(({ kernel, cost }, i) => ({
      kernel,
      cost,
      seconds: nodesTimed === 0 ? 0 : nodeSeconds[i] / nodesTimed * count,
      idleSeconds: 0,
    })),
    ...(whole.count > 0 && {
      step: {
        encodeSeconds: (whole.encodeSeconds + whole.submits * shortestSubmit) / whole.count,
        gpuSeconds: whole.gpuSeconds / whole.count,
      },
    }),
  };
}

function newRuns(nodes: readonly TimedNode[]): Runs {
  return {
    nodes,
    count: 0,
    encodeSeconds: 0,
    submitSeconds: 0,
    nodeSeconds: new Float64Array(nodes.length),
    nodesTimed: 0,
    whole: { count: 0, encodeSeconds: 0, submits: 0, gpuSeconds: 0 },
  };
}
