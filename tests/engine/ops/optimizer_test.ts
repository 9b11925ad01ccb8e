import assert from "node:assert/strict";
import type { Executor } from "../../../src/engine/device.ts";
import { lower } from "../../../src/engine/lower.ts";
import {
  optimizerStep,
  type OptimizerTensors,
  SLOT_SETTINGS,
  STEP_SETTINGS,
} from "../../../src/engine/ops/optimizer.ts";
import { bufferTensor, createProgram, keepAs, type Program } from "../../../src/engine/program.ts";
import { adamw } from "../../reference/adamw.ts";
import { clipGlobalNorm } from "../../reference/clip_global_norm.ts";
import { assertClose } from "../../reference/compare.ts";
import { mapNumbers } from "../../reference/numbers.ts";
import { sensitivity } from "../../reference/sensitivity.ts";
import { sgd } from "../../reference/sgd.ts";
import { onEveryDevice } from "../devices.ts";
import { normalNumbers, wholeNumbers } from "../op_testing.ts";

type Kind = "adamw" | "sgd";

interface Slot {
  readonly learningRate: number;
  readonly weightDecay: number;
  /** Its moments are zero until this step, counted from 1; a slot of Infinity is never trained. */
  readonly firstStep: number;
}

// What a buffer of f32 holds, so that the oracle sees the numbers that the devices see.
const BETA1 = Math.fround(0.9);
const BETA2 = Math.fround(0.999);
const EPSILON = Math.fround(1e-8);
const SENSITIVITY_BETA1 = Math.fround(0.85);
const SENSITIVITY_BETA2 = Math.fround(0.7);
const PROXIMAL = Math.fround(0.3);

const SLOTS: readonly Slot[] = [
  { learningRate: 0.01, weightDecay: 0.1, firstStep: 1 },
  { learningRate: 0.03, weightDecay: 0, firstStep: 3 },
  { learningRate: 0.5, weightDecay: 0.5, firstStep: Infinity },
  { learningRate: 0, weightDecay: 0.5, firstStep: 1 },
];

/** The buffer of kernels/lib/settings.wgsl, written out by position: this test is what pins the layout. */
function settings(
  slots: readonly Slot[],
  step: number,
  largestNorm: number,
  factor: number,
  proximal = NaN, // unused without an anchor, as others are: whoever reads them is found out
): Float32Array {
  const buffer = [
    factor,
    BETA1,
    BETA2,
    EPSILON,
    proximal,
    NaN,
    largestNorm,
    SENSITIVITY_BETA1,
    SENSITIVITY_BETA2,
    ...new Array(7).fill(NaN),
  ];
  for (const { learningRate, weightDecay, firstStep } of slots) {
    const t = step - firstStep + 1;
    const corrections = t > 0 ? [1 - BETA1 ** t, 1 - BETA2 ** t] : [NaN, NaN];
    buffer.push(learningRate, weightDecay, t > 0 ? 1 : 0, ...corrections);
  }
  return Float32Array.from(buffer);
}

/** A program of one step over `size` elements; its buffers are named "NAME gradient", "NAME parameters" and so on. */
function stepProgram(
  name: string,
  kind: Kind,
  size: number,
  slots: number,
  proximal = false,
): Program {
  const program = createProgram(name);
  const tensor = (role: "input" | "state", suffix: string, shape: readonly number[]) =>
    bufferTensor(program, role, `${name} ${suffix}`, shape);
  const tensors: OptimizerTensors = {
    gradient: tensor("input", "gradient", [size]),
    slots: bufferTensor(program, "input", `${name} slots`, [size], "u32"),
    settings: tensor("input", "settings", [STEP_SETTINGS + SLOT_SETTINGS * slots]),
    parameters: tensor("state", "parameters", [size]),
    moments: tensor("state", "moments", [size, 2]),
    sensitivity: tensor("state", "sensitivity", [size, 2]),
    ...(proximal && { anchor: tensor("input", "anchor", [size]) }),
  };
  optimizerStep(program, kind, tensors);
  const clip = program.nodes.find(({ op }) => op === "clip_factor")!.outputs[0];
  keepAs(program, clip, `${name} clip`);
  return lower(program);
}

/** Every second number, from `first` on: moments and sensitivity lie in pairs. */
function column(pairs: ArrayLike<number>, first: number): Float64Array {
  return Float64Array.from({ length: pairs.length / 2 }, (_, i) => pairs[2 * i + first]);
}

/** State of the oracle. */
interface State {
  parameter: Float64Array;
  firstMoment: Float64Array;
  secondMoment: Float64Array;
  smoothed: Float64Array;
  uncertainty: Float64Array;
}

/** One step of the float64 oracles, slot by slot; returns the state after it and what the clipping saw. With an anchor, with FedProx's term. */
function oracleStep(
  kind: Kind,
  state: State,
  dataGradient: Float32Array,
  anchor: Float32Array | undefined,
  slotOf: Uint32Array,
  step: number,
  largestNorm: number,
  factor: number,
): { state: State; norm: number; coefficient: number } {
  const smoothed = sensitivity(
    state,
    state.parameter,
    dataGradient,
    SENSITIVITY_BETA1,
    SENSITIVITY_BETA2,
  );
  const gradient = mapNumbers(
    dataGradient,
    (g, i) => anchor === undefined ? g : g + PROXIMAL * (state.parameter[i] - anchor[i]),
  );
  const trained = mapNumbers(slotOf, (slot) => step >= SLOTS[slot].firstStep ? 1 : 0);
  const limit = largestNorm > 0 ? largestNorm : Infinity;
  const { norm, coefficient, clipped: [clipped] } = clipGlobalNorm([gradient], limit, [trained]);
  let { parameter, firstMoment, secondMoment } = state;
  SLOTS.forEach((slot, s) => {
    if (step < slot.firstStep) return;
    const here = mapNumbers(slotOf, (of) => of === s ? 1 : 0);
    const learningRate = Math.fround(slot.learningRate) * factor;
    const weightDecay = Math.fround(slot.weightDecay);
    if (kind === "sgd") {
      const decayed = mapNumbers(clipped, (g, i) => g + weightDecay * parameter[i]);
      parameter = sgd(parameter, decayed, learningRate, here);
      return;
    }
    const options = {
      step: step - slot.firstStep + 1,
      learningRate,
      weightDecay,
      beta1: BETA1,
      beta2: BETA2,
      epsilon: EPSILON,
    };
    const next = adamw({ parameter, firstMoment, secondMoment }, clipped, options, here);
    ({ parameter, firstMoment, secondMoment } = next);
  });
  return {
    state: { parameter, firstMoment, secondMoment, ...smoothed },
    norm,
    coefficient,
  };
}

async function followsOracle(
  executor: Executor,
  kind: Kind,
  { name, size, largestNorm, proximal }: StepCase,
): Promise<void> {
  const slotOf = wholeNumbers(name, size, SLOTS.length);
  const initial = normalNumbers(`${name} parameters`, size);
  // Not where the steps start, so that the first one feels it; what is not trained must not.
  const anchor = proximal ? normalNumbers(`${name} anchor`, size) : undefined;
  if (anchor) executor.write(`${name} anchor`, anchor);
  let state: State = {
    parameter: Float64Array.from(initial),
    firstMoment: new Float64Array(size),
    secondMoment: new Float64Array(size),
    smoothed: new Float64Array(size),
    uncertainty: new Float64Array(size),
  };
  executor.write(`${name} slots`, slotOf);
  executor.write(`${name} parameters`, initial);
  for (let step = 1; step <= 5; step++) {
    const gradient = normalNumbers(`${name} gradient ${step}`, size);
    const factor = 1 / step;
    executor.write(`${name} gradient`, gradient);
    executor.write(
      `${name} settings`,
      settings(SLOTS, step, largestNorm, factor, proximal ? PROXIMAL : NaN),
    );
    executor.run(name);
    const expected = oracleStep(kind, state, gradient, anchor, slotOf, step, largestNorm, factor);
    state = expected.state;
    const [coefficient, norm] = await executor.read(`${name} clip`);
    assertClose([norm], [expected.norm], 1e-5, `${name} norm at step ${step}`);
    assertClose([coefficient], [expected.coefficient], 1e-5, `${name} factor at step ${step}`);
  }
  const smoothed = await executor.read(`${name} sensitivity`);
  assertClose(
    await executor.read(`${name} parameters`),
    state.parameter,
    1e-5,
    `${name} parameters`,
  );
  assertClose(column(smoothed, 0), state.smoothed, 1e-5, `${name} smoothed sensitivity`);
  assertClose(column(smoothed, 1), state.uncertainty, 1e-5, `${name} sensitivity deviation`);
  if (kind === "sgd") return;
  const moments = await executor.read(`${name} moments`);
  assertClose(column(moments, 0), state.firstMoment, 1e-5, `${name} first moment`);
  assertClose(column(moments, 1), state.secondMoment, 1e-5, `${name} second moment`);
}

/** A program of steps. */
interface StepCase {
  readonly name: string;
  readonly size: number;
  readonly largestNorm: number;
  readonly proximal: boolean;
}

const SIZES = [1, 63, 4095, 4096, 4097, 9001];

for (const kind of ["adamw", "sgd"] as const) {
  onEveryDevice(`optimizerStep() equals the ${kind} oracle over five steps`, async (device) => {
    const cases = SIZES.flatMap((size) =>
      [0, 0.5].flatMap((largestNorm) =>
        [false, true].map((proximal): StepCase => ({
          name: `${kind} ${size} ${largestNorm} ${proximal}`,
          size,
          largestNorm,
          proximal,
        }))
      )
    );
    const programs = cases.map(({ name, size, proximal }) =>
      stepProgram(name, kind, size, SLOTS.length, proximal)
    );
    const executor = await device.load(programs);
    try {
      for (const step of cases) await followsOracle(executor, kind, step);
    } finally {
      await executor.close();
    }
  });

  // A frozen component must not move by one bit, whatever its gradient: the update selects, because 0·∞ is NaN. Its sensitivity takes the raw
  // gradient and so becomes infinite or NaN, there and nowhere else; the run stops anyway at the infinite loss that goes with it.
  onEveryDevice(
    `optimizerStep() of ${kind} keeps what is not trained to the bit when the gradient is not finite`,
    async (device) => {
      const executor = await device.load([stepProgram("step", kind, 8, 2)]);
      try {
        const parameters = Float32Array.of(-0, 1.5, -3, 1e-40, Infinity, -0, 2, 4);
        const moments = Float32Array.from({ length: 16 }, (_, i) => i % 3 === 0 ? -0 : i / 7);
        const slots = Uint32Array.of(1, 1, 1, 1, 1, 1, 0, 0);
        executor.write("step slots", slots);
        executor.write("step parameters", parameters);
        executor.write("step moments", moments);
        executor.write(
          "step gradient",
          Float32Array.of(0, Infinity, -Infinity, NaN, 1, 1e38, 3, 4),
        );
        executor.write(
          "step settings",
          settings(
            [
              { learningRate: 0.1, weightDecay: 0, firstStep: 1 },
              { learningRate: 0.1, weightDecay: 0.5, firstStep: Infinity },
            ],
            1,
            2.5,
            1,
          ),
        );
        executor.run("step");
        const after = await executor.read("step parameters");
        assert.deepEqual(bits(after.subarray(0, 6)), bits(parameters.subarray(0, 6)));
        assert.deepEqual(
          bits((await executor.read("step moments")).subarray(0, 12)),
          bits(moments.subarray(0, 12)),
        );
        const [factor, norm] = await executor.read("step clip");
        assertClose([factor, norm], [0.5, 5], 1e-6, "factor and norm");
        assert.ok(after[6] < 2 && after[7] < 4, "trained elements move");
        const smoothed = await executor.read("step sensitivity");
        assert.equal(smoothed[0], 0);
        // 0.15·|w·g| for w·g = 6 and 16
        assertClose(column(smoothed.subarray(12), 0), [0.9, 2.4], 1e-6, "sensitivity");
      } finally {
        await executor.close();
      }
    },
  );
}

onEveryDevice(
  "optimizerStep() clips by the norm of a gradient whose sums of squares are more than a workgroup's invocations",
  async (device) => {
    // 64 chunks of 4096 elements and one of a single element, which weighs as much as all others.
    const gradient = Float32Array.from({ length: 64 * 4096 + 1 }, (_, i) => i % 2 === 0 ? 1 : -1);
    gradient[64 * 4096] = 512;
    const executor = await device.load([stepProgram("step", "sgd", gradient.length, 1)]);
    try {
      executor.write("step gradient", gradient);
      const slot = { learningRate: 0.1, weightDecay: 0, firstStep: 1 };
      executor.write("step settings", settings([slot], 1, 1, 1));
      executor.run("step");
      const norm = 512 * Math.SQRT2;
      assertClose(await executor.read("step clip"), [1 / norm, norm], 1e-6, "factor and norm");
    } finally {
      await executor.close();
    }
  },
);

onEveryDevice(
  "optimizerStep() of sgd moves by hand-worked amounts when clipped",
  async (device) => {
    const executor = await device.load([stepProgram("step", "sgd", 4, 3)]);
    try {
      executor.write("step slots", Uint32Array.of(0, 1, 2, 0));
      executor.write("step parameters", Float32Array.of(1, 1, 1, 1));
      executor.write("step gradient", Float32Array.of(3, 4, 100, 0));
      executor.write(
        "step settings",
        settings(
          [
            { learningRate: 0.1, weightDecay: 0, firstStep: 1 },
            { learningRate: 0.2, weightDecay: 1, firstStep: 1 },
            { learningRate: 0.1, weightDecay: 1, firstStep: Infinity },
          ],
          1,
          1,
          0.5,
        ),
      );
      executor.run("step");
      // The norm of the trained ones is 5, so gradients become 0.6 and 0.8; rates are halved.
      assertClose(await executor.read("step clip"), [0.2, 5], 1e-6, "factor and norm");
      assertClose(
        await executor.read("step parameters"),
        [1 - 0.05 * 0.6, 1 - 0.1 * (1 + 0.8), 1, 1],
        1e-6,
        "parameters",
      );
    } finally {
      await executor.close();
    }
  },
);

onEveryDevice(
  "optimizerStep() of sgd pulls to the anchor by hand-worked amounts, and clips by that too",
  async (device) => {
    const executor = await device.load([stepProgram("step", "sgd", 3, 2, true)]);
    try {
      executor.write("step slots", Uint32Array.of(0, 0, 1));
      executor.write("step parameters", Float32Array.of(1, 2, 3));
      executor.write("step anchor", Float32Array.of(0, 4, 3));
      executor.write("step gradient", Float32Array.of(1, 5, 7));
      const slots = [
        { learningRate: 0.5, weightDecay: 0, firstStep: 1 },
        { learningRate: 0.5, weightDecay: 0, firstStep: Infinity },
      ];
      executor.write("step settings", settings(slots, 1, 1, 1, 2));
      executor.run("step");
      // Gradients of the trained ones: 1 + 2·(1 − 0) = 3 and 5 + 2·(2 − 4) = 1, of norm √10; w·g of the data's: 1, 10, 21.
      assertClose(await executor.read("step clip"), [1 / Math.sqrt(10), Math.sqrt(10)], 1e-6, "");
      const moved = [1 - 1.5 / Math.sqrt(10), 2 - 0.5 / Math.sqrt(10), 3];
      assertClose(await executor.read("step parameters"), moved, 1e-6, "parameters");
      const smoothed = column(await executor.read("step sensitivity"), 0);
      assertClose(smoothed, [0.15, 1.5, 3.15], 1e-6, "sensitivity");
    } finally {
      await executor.close();
    }
  },
);

Deno.test("optimizerStep() names the tensor when its shape does not fit", () => {
  const build = (change: Partial<OptimizerTensors>) => () => {
    const program = createProgram("bad");
    const tensors: OptimizerTensors = {
      gradient: bufferTensor(program, "input", "gradient", [8]),
      slots: bufferTensor(program, "input", "slots", [8], "u32"),
      settings: bufferTensor(program, "input", "settings", [21]),
      parameters: bufferTensor(program, "state", "parameters", [8]),
      moments: bufferTensor(program, "state", "moments", [8, 2]),
      sensitivity: bufferTensor(program, "state", "sensitivity", [8, 2]),
      ...change,
    };
    optimizerStep(program, "adamw", tensors);
  };
  const other = createProgram("other");
  const short = bufferTensor(other, "state", "short", [7]);
  assert.doesNotThrow(build({}));
  for (const name of ["slots", "parameters", "moments", "sensitivity"]) {
    assert.throws(build({ [name]: short }), {
      name: "RangeError",
      message: /^Cannot apply adamw to "short": expected shape \[8(, 2)?\], got \[7\]$/,
    });
  }
  assert.throws(build({ anchor: short }), {
    name: "RangeError",
    message: /^Cannot apply proximal_gradient to "short": expected shape \[8\], got \[7\]$/,
  });
  assert.throws(build({ moments: undefined as never }), {
    name: "TypeError",
    message: "Cannot add an AdamW step: expected a tensor for its moments",
  });
});

function bits(data: ArrayLike<number>): Uint32Array {
  return new Uint32Array(Float32Array.from(data).buffer);
}
