import assert from "node:assert/strict";
import fc from "fast-check";
import { PartitionError, TooManyClientsError } from "../../src/data/errors.ts";
import { partition, type PartitionScheme } from "../../src/data/partition.ts";
import { UserError } from "../../src/protocol/errors.ts";

const labelLists = fc.array(fc.nat(6), { minLength: 1, maxLength: 80 });
const drawnSchemes: fc.Arbitrary<PartitionScheme> = fc.oneof(
  fc.constant<PartitionScheme>({ kind: "iid" }),
  fc.constantFrom(1e-6, 0.01, 0.1, 0.5, 1, 100).map((alpha): PartitionScheme => ({
    kind: "dirichlet",
    alpha,
  })),
);

function assertDealt(shares: readonly Uint32Array[], samples: number, clients: number): void {
  assert.equal(shares.length, clients);
  for (const share of shares) {
    assert.ok(share.length > 0, "no client is empty");
    assert.deepEqual([...share].sort((a, b) => a - b), [...share], "ascending");
  }
  const all = shares.flatMap((share) => [...share]).sort((a, b) => a - b);
  assert.deepEqual(all, Array.from({ length: samples }, (_, i) => i), "each sample once");
}

/** Samples by client and label. */
function counts(labels: readonly number[], shares: readonly Uint32Array[]): number[][] {
  return shares.map((share) => {
    const row = new Array<number>(Math.max(...labels) + 1).fill(0);
    for (const index of share) row[labels[index]]++;
    return row;
  });
}

Deno.test("partition() deals every sample once, to nonempty clients, the same way again", () => {
  fc.assert(fc.property(
    labelLists.chain((labels) =>
      fc.record({
        labels: fc.constant(labels),
        clients: fc.integer({ min: 1, max: labels.length }),
        scheme: drawnSchemes,
        seed: fc.nat(),
      })
    ),
    ({ labels, clients, scheme, seed }) => {
      const shares = partition(labels, clients, scheme, seed);
      assertDealt(shares, labels.length, clients);
      assert.deepEqual(partition(Uint32Array.from(labels), clients, scheme, seed), shares);
    },
  ));
});

Deno.test("partition() by shards covers every sample for any feasible setting", () => {
  fc.assert(fc.property(
    labelLists.chain((labels) =>
      fc.record({
        labels: fc.constant(labels),
        clients: fc.integer({ min: 1, max: labels.length }),
        labelsPerClient: fc.integer({ min: 1, max: new Set(labels).size }),
        seed: fc.nat(),
      }).filter(({ clients, labelsPerClient }) => clients * labelsPerClient >= new Set(labels).size)
    ),
    ({ labels, clients, labelsPerClient, seed }) => {
      const shares = partition(labels, clients, { kind: "shards", labelsPerClient }, seed);
      assertDealt(shares, labels.length, clients);
    },
  ));
});

const twenty = Array.from({ length: 2000 }, (_, i) => i % 20);

Deno.test("partition() by shards gives each client its number of labels, and labels near-equal holders", () => {
  for (const [clients, labelsPerClient] of [[10, 2], [10, 3], [7, 6], [1, 20]]) {
    const shares = partition(twenty, clients, { kind: "shards", labelsPerClient }, 3);
    const table = counts(twenty, shares);
    for (const row of table) assert.equal(row.filter((n) => n > 0).length, labelsPerClient);
    const holders = table[0].map((_, label) => table.filter((row) => row[label] > 0).length);
    assert.ok(Math.max(...holders) - Math.min(...holders) <= 1, `got ${holders}`);
  }
});

Deno.test("partition() iid gives near-equal shares", () => {
  const sizes = partition(twenty.slice(0, 23), 5, { kind: "iid" }, 1).map(({ length }) => length);
  assert.equal(Math.max(...sizes) - Math.min(...sizes), 1);
  assert.notDeepEqual(
    partition(twenty, 5, { kind: "iid" }, 1),
    partition(twenty, 5, { kind: "iid" }, 2),
  );
});

Deno.test("partition() by Dirichlet concentrates labels as the distribution does", () => {
  // Share of a label's 100 samples on its largest of 10 clients, averaged over labels and seeds.
  const concentration = (alpha: number): number => {
    const shares = Array.from({ length: 40 }, (_, seed) => {
      const table = counts(twenty, partition(twenty, 10, { kind: "dirichlet", alpha }, seed));
      return table[0].map((_, label) => Math.max(...table.map((row) => row[label])) / 100);
    }).flat();
    return shares.reduce((sum, value) => sum + value, 0) / shares.length;
  };
  // Means of max(g)/sum(g) over 20,000 draws of ten Gamma(alpha) numbers by Python's random.gammavariate.
  for (const [alpha, expected] of [[0.05, 0.783], [0.5, 0.38]]) {
    const got = concentration(alpha);
    assert.ok(Math.abs(got - expected) < 0.03, `alpha ${alpha}: expected ${expected}, got ${got}`);
  }
  assert.ok(concentration(1e4) < 0.13, "near-even, a tenth each");
});

Deno.test("partition() by a tiny alpha on one label still serves every client", () => {
  const sizes = partition(new Array(20).fill(0), 4, { kind: "dirichlet", alpha: 1e-9 }, 1)
    .map(({ length }) => length).sort((a, b) => a - b);
  assert.deepEqual(sizes, [1, 1, 1, 17]);
});

Deno.test("partition() as given follows the list", () => {
  const shares = partition([0, 1, 0, 1], 2, { kind: "given", owners: [1, 0, 1, 1] }, 0);
  assert.deepEqual(shares, [Uint32Array.of(1), Uint32Array.of(0, 2, 3)]);
});

Deno.test("partition() refuses more clients than samples", () => {
  for (const kind of ["iid", "given"] as const) {
    assert.throws(
      () => partition([0, 1], 3, { kind, owners: [0, 1] }, 0),
      (error) => error instanceof TooManyClientsError && error instanceof UserError,
    );
  }
  assert.throws(() => partition([0], 2, { kind: "iid" }, 0), /Cannot deal 1 sample to 2 clients: /);
});

Deno.test("partition() refuses settings that cannot be carried out", () => {
  const labels = [0, 1, 2, 3];
  const cases: [number, PartitionScheme, RegExp][] = [
    [0, { kind: "iid" }, /to 0 clients/],
    [1.5, { kind: "iid" }, /to 1\.5 clients/],
    [2, { kind: "dirichlet", alpha: 0 }, /Dirichlet\(0\)/],
    [2, { kind: "dirichlet", alpha: NaN }, /Dirichlet\(NaN\)/],
    [2, { kind: "shards", labelsPerClient: 5 }, /expected 1 to 4/],
    [2, { kind: "shards", labelsPerClient: 0 }, /expected 1 to 4/],
    [2, { kind: "shards", labelsPerClient: 1 }, /2 would be left over/],
    [2, { kind: "given", owners: [0, 1] }, /each of 4 samples, got 2/],
    [2, { kind: "given", owners: [0, 1, 2, 0] }, /sample 2 to client 2: expected 0 to 1/],
    [2, { kind: "given", owners: [0, 0, 0, 0] }, /client 1 has no samples/],
  ];
  for (const [clients, scheme, message] of cases) {
    assert.throws(
      () => partition(labels, clients, scheme, 0),
      (error) => error instanceof PartitionError && message.test(error.message),
    );
  }
});
