import assert from "node:assert/strict";
import { readModel, storedName } from "../../src/models/mod.ts";
import { onEveryDevice, testDevices } from "../engine/devices.ts";
import {
  goldenRows,
  GOLDENS,
  largestDifference,
  padded,
  POOLINGS,
  readGolden,
  readGoldenValues,
  readJson,
  readValues,
  requestsOf,
  runForward,
} from "./support.ts";

/** A tenth of what is asked for: float32 shows about 2e-6, and a wrong epsilon less than 1e-4. */
const TOLERANCE = 1e-5;
const LABELS = 3;

for (const family of GOLDENS) {
  const { model, weights, expected } = readGolden(family);
  const rows = goldenRows(expected);

  for (const drops of [false, true]) {
    const form = drops ? "built for dropout" : "without dropout";
    onEveryDevice(
      `encode() and classify() of ${family} ${form} equal PyTorch's`,
      async (device) => {
        const batches = [rows];
        const [{ hidden, logits }] = await runForward(
          device,
          model,
          weights,
          batches,
          LABELS,
          drops,
        );
        const states = largestDifference(hidden, expected.get("hidden_states")!.data);
        assert.ok(states <= TOLERANCE, `hidden states differ by ${states}`);
        for (const pooling of Object.keys(POOLINGS)) {
          const golden = expected.get(`logits.${pooling}`)!.data;
          const difference = largestDifference(logits[pooling], golden);
          assert.ok(difference <= TOLERANCE, `logits of "${pooling}" differ by ${difference}`);
        }
      },
    );
  }

  onEveryDevice(
    `classify() of ${family} does not depend on the padding of its row`,
    async (device) => {
      const padding = 2;
      const longer = padded(rows, 5, padding);
      const [short, long] = await runForward(device, model, weights, [rows, longer], LABELS);
      for (const pooling of Object.keys(POOLINGS)) {
        const difference = largestDifference(long.logits[pooling], short.logits[pooling]);
        assert.ok(difference <= 1e-5, `logits of "${pooling}" differ by ${difference}`);
      }
    },
  );
}

const shared = Deno.env.get("HAFL_SHARED") ?? new URL("../../../shared", import.meta.url).pathname;
const tinystories = `${shared}/models/tinystories-656k`;

for (const device of testDevices) {
  Deno.test({
    name: `encode() of tinystories-656k equals PyTorch's [${device.name}]`,
    ignore: device.ignore || !isFolder(tinystories),
    fn: async () => {
      const model = readModel(readJson(`${tinystories}/config.json`));
      const stored = readValues(`${tinystories}/model.safetensors`);
      const score = { shape: [1, model.width], data: new Float32Array(model.width) };
      const names = [...requestsOf(model, 1).weights.keys()].filter((name) =>
        name !== "score.weight"
      );
      const weights = new Map([
        ["score.weight", score],
        ...names.map((name) =>
          [name, stored.get(storedName(model, name, (other) => stored.has(other)))!] as const
        ),
      ]);
      const golden = readGoldenValues("tinystories");
      const rows = goldenRows(golden);
      const [{ hidden }] = await runForward(await device.open(), model, weights, [rows], 1);
      const states = largestDifference(hidden, golden.get("hidden_states")!.data);
      assert.ok(states <= TOLERANCE, `hidden states differ by ${states}`);

      const table = stored.get("lm_head.weight")!.data;
      const actual: number[] = [];
      for (let b = 0; b < rows.B; b++) {
        for (const t of golden.get("positions")!.data) {
          const state = (b * rows.T + t) * model.width;
          for (let v = 0; v < model.vocabulary; v++) {
            let sum = 0;
            for (let c = 0; c < model.width; c++) {
              sum += hidden[state + c] * table[v * model.width + c];
            }
            actual.push(sum);
          }
        }
      }
      const difference = largestDifference(actual, golden.get("logits")!.data);
      assert.ok(difference <= TOLERANCE, `logits differ by ${difference}`);
    },
  });
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
