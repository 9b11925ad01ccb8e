/** What a profile holds, on both devices: every node that ran, at its operation's cost, and the same results as without. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../../src/engine/cpu/device.ts";
import type { BufferData, Device } from "../../../src/engine/device.ts";
import { operation } from "../../../src/engine/ops/registry.ts";
import type { ExecutorProfile, ProfileClock } from "../../../src/engine/profile/profile.ts";
import { kernelRows } from "../../../src/engine/profile/rows.ts";
import type { Program } from "../../../src/engine/program.ts";
import { createWebgpuDevice } from "../../../src/engine/webgpu/device.ts";
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
    open: (profile) => createWebgpuDevice({ profile }),
  },
  {
    name: "webgpu without timestamps",
    ignore,
    clock: "wall",
    async open(profile) {
      const device = await createWebgpuDevice({ profile });
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

/** Trains for some steps, and reads in between, as a run does. */
async function train(
  device: Device,
  { program, initial, step }: TrainingProgram,
): Promise<{ parameters: BufferData; profile?: ExecutorProfile; again?: ExecutorProfile }> {
  const executor = await device.load([program]);
  try {
    for (const [buffer, data] of Object.entries(initial)) executor.write(buffer, data);
    for (let index = 0; index < steps; index++) {
      for (const [buffer, data] of Object.entries(step(index))) executor.write(buffer, data);
      executor.run(program.name);
      if (index % 2 === 1) await executor.read("losses");
    }
    const parameters = await executor.read("parameters");
    if (executor.profile === undefined) return { parameters };
    return { parameters, profile: await executor.profile(), again: await executor.profile() };
  } finally {
    await executor.close();
  }
}

/** Costs of the nodes of a program, and their sum in place of them where they are not told apart. */
function costsOf({ nodes }: Program, clock: ProfileClock) {
  const costs = nodes.map((node) => operation(node.op).cost(node));
  if (clock !== "wall") return costs;
  return [costs.reduce((sum, { flops, bytes }) => ({
    flops: sum.flops + flops,
    bytes: sum.bytes + bytes,
  }))];
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
        const { parameters, profile, again } = await train(await open(true), training);
        assert.deepEqual(parameters, plain.parameters);
        assert.equal(profile!.clock, clock);

        const [ran] = profile!.programs;
        assert.equal(ran.runs, steps);
        // A node's first dispatches may prepare what its kernel reads, at no cost.
        const costs = ran.nodes.map(({ cost }) => cost)
          .filter(({ flops, bytes }) => flops + bytes > 0);
        assert.deepEqual(costs, costsOf(program, clock));
        const rows = kernelRows(profile!, {
          flopsPerSecond: 1,
          bandwidths: [{ workingSet: 1, bytesPerSecond: 1 }],
        });
        const calls = rows.reduce((sum, row) => sum + row.calls, 0);
        assert.equal(calls, steps * ran.nodes.length);
        const shares = rows.reduce((sum, { share }) => sum + share, 0);
        assert.ok(Math.abs(shares - 1) < 1e-9, `shares sum to ${shares}`);
        if (clock !== "wall") {
          const names = new Set(rows.map(({ kernel }) => kernel.split(" ")[0]));
          assert.deepEqual(program.nodes.filter(({ op }) => !names.has(op)), []);
        }
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
