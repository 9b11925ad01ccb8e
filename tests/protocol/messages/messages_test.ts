import assert from "node:assert/strict";
import fc from "fast-check";
import { createBank } from "../../../src/protocol/bank.ts";
import { dealOf } from "../../../src/protocol/deal.ts";
import { UserError } from "../../../src/protocol/errors.ts";
import {
  applyDownload,
  decodeChoice,
  decodeDownload,
  decodeUpdate,
  encodeChoice,
  encodeDownload,
  encodeUpdate,
  MessageError,
} from "../../../src/protocol/messages/mod.ts";
import { randomStream } from "../../../src/protocol/random.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  SafetensorsError,
  type SafetensorsInput,
  toFloat32,
} from "../../../src/protocol/safetensors.ts";
import { randomBank, randomRound, randomUpdate, roundShape } from "../support.ts";

const run = { run: "3f2a" };

Deno.test("applyDownload() under freeze equals the server's bank bit for bit", () => {
  fc.assert(fc.property(roundShape, (shape) => {
    const factors = shape.seed % 2 === 0 ? "both" : "b";
    const { bank, deals } = randomRound(shape, "freeze", factors);
    bank.modules[0].a[0] = -0;
    for (const deal of deals) {
      const download = decodeDownload(encodeDownload(bank, deal, run).bytes, bank);
      const client = applyDownload(bank, download);
      assert.equal(download.run, "3f2a");
      assert.deepEqual(client.modules, bank.modules);
      assert.deepEqual(client.head, bank.head);
      assert.deepEqual(client.deal, deal);
    }
  }));
});

Deno.test("applyDownload() under truncate holds the dealt components and zeros elsewhere", () => {
  fc.assert(fc.property(roundShape, (shape) => {
    const { bank, deals } = randomRound(shape, "truncate");
    for (const deal of deals) {
      const client = applyDownload(
        bank,
        decodeDownload(encodeDownload(bank, deal, run).bytes, bank),
      );
      assert.deepEqual(client.deal, deal);
      assert.deepEqual(client.head, bank.head);
      client.modules.forEach(({ inFeatures, a, b }, m) => {
        const server = bank.modules[m];
        const held = (i: number) => deal.forward[m][i] === 1;
        const rowHeld = (at: number) => held(Math.floor(at / inFeatures));
        assert.deepEqual(a, server.a.map((value, at) => rowHeld(at) ? value : 0));
        assert.deepEqual(b, server.b.map((value, at) => held(at % bank.rank) ? value : 0));
      });
    }
  }));
});

Deno.test("encodeUpdate() and decodeUpdate() round-trip every bit", () => {
  const methods = fc.constantFrom("freeze", "truncate", "full", "head");
  fc.assert(fc.property(roundShape, methods, fc.boolean(), (shape, method, serverRanks) => {
    const { bank, updates } = randomRound(shape, method);
    for (const scored of updates) {
      const { scores: _, ...silent } = scored;
      const update = serverRanks ? scored : silent;
      const decoded = decodeUpdate(encodeUpdate(bank, update, run).bytes, bank);
      assert.deepEqual(decoded, { run: "3f2a", update });
    }
  }));
});

Deno.test("encodeUpdate() sends B alone where A is not trained, and decodeUpdate() finds no A", () => {
  fc.assert(fc.property(roundShape, (shape) => {
    const { bank, updates } = randomRound(shape, "full", "b");
    for (const update of updates) {
      assert(update.a === undefined);
      const { bytes, sizes } = encodeUpdate(bank, update, run);
      assert.deepEqual(decodeUpdate(bytes, bank), { run: "3f2a", update });
      const outputs = bank.modules.reduce((sum, { outFeatures }) => sum + outFeatures, 0);
      assert.equal(sizes.lora, 4 * bank.rank * outputs);
    }
  }));
});

Deno.test("messages of a client that holds no component have the head and nothing else", () => {
  fc.assert(fc.property(roundShape, (shape) => {
    const { bank, deals: [deal], updates: [{ scores: _, ...update }] } = randomRound(shape, "head");
    const down = encodeDownload(bank, deal, run);
    const { held, ...download } = decodeDownload(down.bytes, bank);
    assert.deepEqual(download, { run: "3f2a", deal, head: bank.head });
    const up = encodeUpdate(bank, update, run);
    for (const { bytes, sizes } of [down, up]) {
      assert.deepEqual([...decodeSafetensors(bytes).tensors.keys()].sort(), [
        "score.bias",
        "score.weight",
      ]);
      assert.deepEqual([sizes.lora, sizes.head], [0, 4 * 8]);
    }
    const { modules } = applyDownload(bank, decodeDownload(down.bytes, bank));
    assert(held.every(({ a, b }) => a.length === 0 && b.length === 0));
    assert(modules.every(({ a, b }) => !a.some(Boolean) && !b.some(Boolean)));
  }));
});

Deno.test("encodeChoice() and decodeChoice() round-trip any lists", () => {
  fc.assert(fc.property(roundShape, (shape) => {
    const { bank, deals: [{ indices }] } = randomRound(shape, "freeze");
    const address = { run: "r", round: 2, client: 9 };
    const { bytes, sizes } = encodeChoice(bank, indices, address);
    assert.deepEqual(decodeChoice(bytes, bank), { address, indices });
    assert.deepEqual(sizes, { lora: 0, head: 0, overhead: bytes.length, total: bytes.length });
  }));
});

Deno.test("message sizes count r(in + out) down, r_k(in + out) up and the head, and add up", () => {
  const modules = [{ name: "q_proj", inFeatures: 128, outFeatures: 96 }];
  const head = [{ name: "score.weight", shape: [20, 128], data: new Float32Array(2560) }];
  const bank = createBank({ modules, rank: 8, alpha: 16, seed: 1, head });
  const two = [new Uint32Array([1, 6])];
  const freeze = dealOf(8, 0, 0, "freeze", two);
  const truncate = dealOf(8, 0, 0, "truncate", two);
  const update = randomUpdate(bank, freeze, randomStream(1));
  const { scores: _, ...silent } = update;
  const messages = [
    { message: encodeDownload(bank, freeze, run), lora: 4 * 8 * (128 + 96) },
    { message: encodeDownload(bank, truncate, run), lora: 4 * 2 * (128 + 96) },
    { message: encodeUpdate(bank, update, run), lora: 4 * 2 * (128 + 96) },
    { message: encodeUpdate(bank, silent, run), lora: 4 * 2 * (128 + 96) },
  ];
  for (const { message: { bytes, sizes }, lora } of messages) {
    assert.equal(sizes.lora, lora);
    assert.equal(sizes.head, 4 * 2560);
    assert.equal(sizes.total, bytes.length);
    assert.equal(sizes.lora + sizes.head + sizes.overhead, sizes.total);
  }
  const [scored, unscored] = [messages[2], messages[3]].map(({ message }) =>
    message.sizes.overhead
  );
  assert(scored - unscored >= 4 * 8, "r floats of scores and their header entry");
});

Deno.test("encodeUpdate() never sends a frozen component", () => {
  const bank = randomBank({ seed: 4, rank: 4, modules: [[3, 5]], clients: 1 });
  const deal = dealOf(4, 0, 0, "freeze", [new Uint32Array([2])]);
  const { bytes } = encodeUpdate(bank, randomUpdate(bank, deal, randomStream(1)), run);
  const { tensors } = decodeSafetensors(bytes);
  assert.deepEqual(tensors.get("layers.0.q_proj.lora_A.weight")!.shape, [1, 3]);
  assert.deepEqual(tensors.get("layers.0.q_proj.lora_B.weight")!.shape, [5, 1]);
  assert.deepEqual([...tensors.keys()].sort(), [
    "layers.0.q_proj.indices",
    "layers.0.q_proj.lora_A.weight",
    "layers.0.q_proj.lora_B.weight",
    "layers.0.q_proj.scores",
    "score.bias",
    "score.weight",
  ]);
});

const bank = randomBank({ seed: 1, rank: 4, modules: [[2, 3], [3, 1]], clients: 1 });
const deal = dealOf(4, 6, 2, "truncate", [new Uint32Array([0, 2]), new Uint32Array([3])]);
const download = encodeDownload(bank, deal, run).bytes;
const upload = encodeUpdate(bank, randomUpdate(bank, deal, randomStream(1)), run).bytes;

/** A message with some of its tensors and texts replaced, or taken out with undefined. */
function altered(
  bytes: Uint8Array,
  tensors: Record<string, Omit<SafetensorsInput, "name"> | undefined>,
  texts: Record<string, string> = {},
): Uint8Array {
  const file = decodeSafetensors(bytes);
  const kept = [...file.tensors].filter(([name]) => !(name in tensors)).map((
    [name, { dtype, shape, bytes }],
  ): SafetensorsInput => ({
    name,
    shape,
    data: dtype === "U32" ? Uint32Array.from(toFloat32(dtype, bytes)) : toFloat32(dtype, bytes),
  }));
  const changed = Object.entries(tensors).flatMap(([name, tensor]) =>
    tensor ? [{ name, ...tensor }] : []
  );
  return encodeSafetensors([...kept, ...changed], { ...file.metadata, ...texts });
}

Deno.test("altered() with no change is the message itself", () => {
  assert.deepEqual(altered(download, {}), download);
  assert.deepEqual(altered(upload, {}), upload);
});

const [a, b, indices, scores] = ["lora_A.weight", "lora_B.weight", "indices", "scores"]
  .map((name) => `layers.0.q_proj.${name}`);
const floats = (...shape: number[]) => ({
  shape,
  data: new Float32Array(shape.reduce((product, size) => product * size, 1)),
});
const list = (...numbers: number[]) => ({
  shape: [numbers.length],
  data: Uint32Array.from(numbers),
});

const damage: readonly [string, (bytes: Uint8Array) => Uint8Array, RegExp][] = [
  ["is of another kind", (bytes) => altered(bytes, {}, { kind: "choice" }), /expected kind/],
  ["names no run", (bytes) => altered(bytes, {}, { run: "" }), /names no run/],
  [
    "has a fractional round",
    (bytes) => altered(bytes, {}, { round: "1.5" }),
    /whole round, got "1.5"/,
  ],
  ["has a negative client", (bytes) => altered(bytes, {}, { client: "-1" }), /whole client/],
  ["has a huge client", (bytes) => altered(bytes, {}, { client: "1".repeat(400) }), /whole client/],
  [
    "lacks A",
    (bytes) => altered(bytes, { [a]: undefined }),
    /expected F32 of shape \[2, 2\], got none/,
  ],
  [
    "has one row too many in A",
    (bytes) => altered(bytes, { [a]: floats(3, 2) }),
    /got F32 of shape \[3, 2\]/,
  ],
  [
    "has a B turned around",
    (bytes) => altered(bytes, { [b]: floats(2, 3) }),
    /expected F32 of shape \[3, 2\]/,
  ],
  [
    "has A in another format",
    (bytes) => altered(bytes, { [a]: { shape: [2, 2], data: new Float64Array(4) } }),
    /got F64/,
  ],
  ["lacks an index list", (bytes) => altered(bytes, { [indices]: undefined }), /indices.*got none/],
  [
    "has a scalar for an index list",
    (bytes) => altered(bytes, { [indices]: { shape: [], data: Uint32Array.of(1) } }),
    /indices/,
  ],
  ["lists components downwards", (bytes) => altered(bytes, { [indices]: list(2, 0) }), /ascending/],
  ["lists a component twice", (bytes) => altered(bytes, { [indices]: list(2, 2) }), /ascending/],
  [
    "lists a component out of range",
    (bytes) => altered(bytes, { [indices]: list(0, 4) }),
    /below 4/,
  ],
  [
    "lists more components than there are",
    (bytes) => altered(bytes, { [indices]: list(...Array(1000).keys()) }),
    /indices": expected at most 4 components, got 1000$/,
  ],
  [
    "has a header longer than the layout asks for",
    (bytes) => altered(bytes, {}, { padding: "x".repeat(20_000) }),
    /expected a header of at most \d+ bytes, got \d+$/,
  ],
  [
    "lacks the head",
    (bytes) => altered(bytes, { "score.bias": undefined }),
    /"score.bias": expected/,
  ],
  ["has another head", (bytes) => altered(bytes, { "score.bias": floats(3) }), /shape \[2\], got/],
  [
    "has a tensor too many",
    (bytes) => altered(bytes, { extra: floats(1) }),
    /unexpected tensor "extra"/,
  ],
];

for (const [situation, change, message] of damage) {
  Deno.test(`decodeDownload() and decodeUpdate() throw MessageError when the message ${situation}`, () => {
    const expectError = (error: unknown): true => {
      assert(error instanceof MessageError && error instanceof UserError);
      assert.match(error.message, message);
      return true;
    };
    assert.throws(() => decodeDownload(change(download), bank), expectError);
    assert.throws(() => decodeUpdate(change(upload), bank), expectError);
  });
}

Deno.test("decodeDownload() throws MessageError when a number is not finite", () => {
  const tensor = { shape: [2], data: new Float32Array([0, NaN]) };
  const bytes = altered(download, { "score.bias": tensor });
  assert.throws(() => decodeDownload(bytes, bank), /finite numbers only/);
});

Deno.test("decodeDownload() throws MessageError when it does not know the factors to train", () => {
  const bytes = altered(download, {}, { factors: "a" });
  assert.throws(() => decodeDownload(bytes, bank), {
    name: "MessageError",
    message: 'Cannot read the download: expected factors both or b, got "a"',
  });
});

Deno.test("decoders throw MessageError when matrices come without any index list", () => {
  const lists = { [indices]: undefined, "layers.1.q_proj.indices": undefined };
  assert.throws(() => decodeDownload(altered(download, lists), bank), /unexpected tensor/);
  assert.throws(() => decodeUpdate(altered(upload, lists), bank), /unexpected tensor/);
});

Deno.test("decodeUpdate() throws MessageError when only some modules have scores", () => {
  const bytes = altered(upload, { [scores]: undefined });
  assert.throws(() => decodeUpdate(bytes, bank), MessageError);
});

Deno.test("decodeUpdate() throws MessageError when samples are not a whole number", () => {
  for (const samples of ["", "-3", "1e3", "NaN"]) {
    assert.throws(() => decodeUpdate(altered(upload, {}, { samples }), bank), /whole samples/);
  }
});

Deno.test("decoders throw MessageError or SafetensorsError when bytes are flipped or cut", () => {
  const places = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }), fc.nat());
  fc.assert(
    fc.property(places, ([at, bits, length]) => {
      for (const [bytes, decode] of [[download, decodeDownload], [upload, decodeUpdate]] as const) {
        const flipped = bytes.slice();
        flipped[at % bytes.length] ^= bits;
        for (const damaged of [flipped, bytes.subarray(0, length % bytes.length)]) {
          try {
            decode(damaged, bank);
          } catch (error) {
            assert(
              error instanceof MessageError || error instanceof SafetensorsError,
              String(error),
            );
          }
        }
      }
    }),
    { numRuns: 1000 },
  );
});
