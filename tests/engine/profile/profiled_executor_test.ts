/** What a profile holds, on both devices: all that ran, at its cost, and the same results as without. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../../src/engine/cpu/device.ts";
import type { BufferData, Device, DeviceInfo, Executor } from "../../../src/engine/device.ts";
import type { Cost } from "../../../src/engine/op.ts";
import { operation } from "../../../src/engine/ops/registry.ts";
import type { ExecutorProfile, ProfileClock } from "../../../src/engine/profile/profile.ts";
import { profiledExecutor } from "../../../src/engine/profile/profiled_executor.ts";
import { kernelRows } from "../../../src/engine/profile/rows.ts";
import type { Node, Program } from "../../../src/engine/program.ts";
import { createWebgpuDevice } from "../../../src/engine/webgpu/device.ts";
import { callsOf } from "../../../src/engine/webgpu/dispatch.ts";
import { variantOf } from "../../../src/engine/webgpu/tuning.ts";
import { testDevices } from "../devices.ts";
import { decoderTraining, encoderTraining, type TrainingProgram } from "../training_programs.ts";

const steps = 6;
const ignore = testDevices.find(({ name }) => name === "webgpu")!.ignore;

interface ProfiledDevice {
  readonly name: string;
  readonly ignore: boolean;
  readonly clock: ProfileClock;
  open(profile: boolean): Promise<Device>;
}

const devices: readonly ProfiledDevice[] = [
  ...[1, 3].map((threads) => ({
    name: `cpu, threads: ${threads}`,
    ignore: false,
    clock: "threads" as const,
    open: (profile: boolean) => Promise.resolve(createCpuDevice({ threads, profile })),
  })),
  {
    name: "webgpu",
    ignore: ignore || !await hasTimestamps(),
    clock: "timestamps",
    open: (profile) => createWebgpuDevice({ profile, measure: false }),
  },
  {
    name: "webgpu without timestamps",
    ignore,
    clock: "wall",
    async open(profile) {
      const device = await createWebgpuDevice({ profile, measure: false });
      return { ...device, load: (programs) => withoutFeatures(() => device.load(programs)) };
    },
  },
];

async function hasTimestamps(): Promise<boolean> {
  const adapter = await (navigator as Partial<Navigator>).gpu?.requestAdapter();
  return adapter?.features.has("timestamp-query") ?? false;
}

/** Devices that are opened meanwhile have no optional features. */
async function withoutFeatures<T>(body: () => Promise<T>): Promise<T> {
  const requestDevice = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = function (this: GPUAdapter, descriptor) {
    return requestDevice.call(this, { ...descriptor, requiredFeatures: [] });
  };
  try {
    return await body();
  } finally {
    GPUAdapter.prototype.requestDevice = requestDevice;
  }
}

interface Trained {
  readonly parameters: BufferData;
  readonly device: DeviceInfo;
  readonly profile?: ExecutorProfile;
  /** The profile asked for once more. */
  readonly again?: ExecutorProfile;
}

/** Trains for some steps, and reads in between, as a run does. */
async function train(
  device: Device,
  { program, initial, step }: TrainingProgram,
): Promise<Trained> {
  const executor = await device.load([program]);
  try {
    for (const [buffer, data] of Object.entries(initial)) executor.write(buffer, data);
    for (let index = 0; index < steps; index++) {
      for (const [buffer, data] of Object.entries(step(index))) executor.write(buffer, data);
      executor.run(program.name);
      if (index % 2 === 1) await executor.read("losses");
    }
    const parameters = await executor.read("parameters");
    const { device } = executor;
    if (executor.profile === undefined) return { parameters, device };
    const profile = await executor.profile();
    return { parameters, device, profile, again: await executor.profile() };
  } finally {
    await executor.close();
  }
}

/** What a profile tells apart: on the CPU nodes, by timestamps dispatches, by the wall the whole program. */
function expectedNodes({ name, nodes }: Program, clock: ProfileClock, { tuning = {} }: DeviceInfo) {
  const own = (node: Node) => ({ kernel: node.op, cost: operation(node.op).cost(node) });
  if (clock === "threads") return nodes.map(own);
  const dispatches = nodes.flatMap((node) =>
    callsOf(node, variantOf(node, tuning)).map((call) => ({
      kernel: call.name ?? node.op,
      cost: call.cost ?? own(node).cost,
    }))
  );
  if (clock === "timestamps") return dispatches;
  const sum = (key: keyof Cost) => dispatches.reduce((total, { cost }) => total + cost[key], 0);
  return [{ kernel: name, cost: { flops: sum("flops"), bytes: sum("bytes") } }];
}

for (const { name, ignore, clock, open } of devices) {
  for (const training of [encoderTraining(), decoderTraining()]) {
    const { program } = training;
    Deno.test({
      name:
        `profile() tells every node that ran, and results stay the same: ${program.name} [${name}]`,
      ignore,
      async fn() {
        const plain = await train(await open(false), training);
        assert.equal(plain.profile, undefined);
        const { parameters, device, profile, again } = await train(await open(true), training);
        assert.deepEqual(parameters, plain.parameters);
        assert.equal(profile!.clock, clock);

        const [ran] = profile!.programs;
        assert.equal(ran.runs, steps);
        const told = ran.nodes.map(({ kernel, cost }) => ({ kernel: kernel.split(" ")[0], cost }));
        assert.deepEqual(told, expectedNodes(program, clock, device));
        const rows = kernelRows(profile!, {
          flopsPerSecond: 1,
          bandwidths: [{ workingSet: 1, bytesPerSecond: 1 }],
        });
        const calls = rows.reduce((sum, row) => sum + row.calls, 0);
        assert.equal(calls, steps * ran.nodes.length);
        const shares = rows.reduce((sum, { share }) => sum + share, 0);
        assert.ok(Math.abs(shares - 1) < 1e-9, `shares sum to ${shares}`);
        assert.equal(ran.step !== undefined, clock === "timestamps");
        assert.deepEqual(again!.programs, [], "a profile is told once");
      },
    });
  }
}

Deno.test("profile() counts a thread as idle while another one works alone", async () => {
  const { profile } = await train(
    createCpuDevice({ threads: 2, profile: true }),
    encoderTraining(),
  );
  // The model is so small that the calling thread does it all.
  for (const { kernel, seconds, idleSeconds } of profile!.programs[0].nodes) {
    assert.ok(idleSeconds >= 0.49 * seconds && idleSeconds <= seconds, kernel);
  }
});

Deno.test("profile() counts the time of reads that wait together once, whatever becomes of them", async () => {
  const pending: PromiseWithResolvers<BufferData>[] = [];
  const read = () => {
    const waiting = Promise.withResolvers<BufferData>();
    pending.push(waiting);
    return waiting.promise;
  };
  const executor = profiledExecutor({ read } as unknown as Executor, {
    clock: "wall",
    ran() {},
    settle: () => Promise.resolve(),
    finished() {},
    take: () => Promise.resolve([]),
  });
  const clock = performance.now;
  let now = 0;
  performance.now = () => now;
  try {
    const together = [executor.read("a"), executor.read("b")];
    now = 1000;
    pending[0].resolve(new Float32Array(1));
    await together[0];
    now = 3000;
    pending[1].reject(new Error("lost"));
    await assert.rejects(together[1], { message: "lost" });
    assert.equal((await executor.profile!()).readSeconds, 3);
    now = 4000;
    const alone = executor.read("c");
    now = 6000;
    pending[2].resolve(new Float32Array(1));
    await alone;
    assert.equal((await executor.profile!()).readSeconds, 2);
  } finally {
    performance.now = clock;
  }
});
