import assert from "node:assert/strict";
import { allComponents } from "../../src/protocol/components.ts";
import {
  largestBody,
  largestChoice,
  largestHeader,
  layoutCells,
} from "../../src/protocol/layout_size.ts";
import {
  type AdapterLayout,
  createBank,
  dealOf,
  encodeBank,
  encodeChoice,
  encodeDownload,
  encodeUpdate,
  extractUpdate,
  safetensorsHeaderLength,
} from "../../src/protocol/mod.ts";

const layouts: readonly AdapterLayout[] = [
  {
    rank: 1,
    modules: Array.from({ length: 3 }, (_, m) => ({
      name: `layers.${m}."q"`,
      inFeatures: 2 + m,
      outFeatures: 1,
    })),
    head: [{ name: 'quoted"\n.weight', shape: [2, 3] }, { name: "scalar", shape: [] }],
  },
  { rank: 64, modules: [{ name: "m", inFeatures: 2048, outFeatures: 2048 }], head: [] },
];

Deno.test("layoutCells() counts A, B and the head", () => {
  // Modules of 2 + 1, 3 + 1 and 4 + 1 numbers a component, a head of 6 and 1.
  assert.deepEqual(layouts.map(layoutCells), [12 + 7, 64 * 4096]);
});

Deno.test("largestBody(), largestHeader() and largestChoice() are above every message of the run, and not far for large ones", () => {
  for (const layout of layouts) {
    const bank = createBank({
      ...layout,
      alpha: 1 / 3,
      seed: 1,
      head: layout.head.map(({ name, shape }) => {
        const data = new Float32Array(
          layoutCells({ rank: 1, modules: [], head: [{ name, shape }] }),
        );
        return { name, shape, data };
      }),
    });
    const everything = bank.modules.map(() => allComponents(bank.rank));
    const deal = dealOf(bank.rank, 99_999, 999_999, "freeze", everything);
    const update = extractUpdate(layout, deal, { ...bank, samples: 1e15 });
    const run = { run: "r".repeat(17) };
    const messages = [
      encodeBank(bank),
      encodeDownload(bank, deal, run).bytes,
      encodeUpdate(layout, update, run).bytes,
    ];
    const choice = encodeChoice(layout, everything, { ...run, round: 999_999, client: 99_999 });
    const header = (bytes: Uint8Array) => safetensorsHeaderLength(bytes, bytes.length);
    const bounds = [
      [largestBody(layout), Math.max(...messages.map(({ length }) => length))],
      [largestHeader(layout), Math.max(...messages.map(header))],
      [largestChoice(layout), choice.bytes.length],
    ];
    for (const [bound, largest] of bounds) {
      assert.ok(largest <= bound, `${largest} above ${bound}`);
      assert.ok(bound < 1.1 * largest + 16_384, `${bound} for ${largest}`);
    }
  }
});
