import assert from "node:assert/strict";
import { ourContests } from "../../bench/contests.ts";
import type { Contest } from "../../bench/harness/contest.ts";
import { peerContests } from "../../bench/peers/contests.ts";

const SOFTWARE = { adapter: { description: "A", software: true } };
const HARDWARE = { adapter: { description: "A", software: false } };
const torch = { python: "python3", title: "PyTorch" };

const all: readonly (readonly [string, Contest[]])[] = [SOFTWARE, HARDWARE, {}].flatMap((
  machine,
  i,
) => [
  [`ours ${i}`, ourContests(machine, 2)] as const,
  [`peers ${i}`, peerContests(machine, torch, 2)] as const,
  [`better peers ${i}`, peerContests(machine, { ...torch, better: "SkylakeX" }, 2)] as const,
]);

Deno.test("every row of a contest is about its subjects, in one unit, and names tell contests apart", () => {
  for (const [title, contests] of all) {
    assert.equal(new Set(contests.map(({ name }) => name)).size, contests.length, title);
    for (const { name, subjects, rows } of contests) {
      assert.ok(rows.length > 0, `${title}: ${name}`);
      for (const { ours, figure, peer } of rows) {
        assert.ok(Object.hasOwn(subjects, ours), `${title}: ${name}: ${ours}`);
        if (peer === undefined) continue;
        assert.ok(Object.hasOwn(subjects, peer.subject), `${title}: ${name}: ${peer.subject}`);
        assert.equal(peer.figure?.unit ?? figure.unit, figure.unit, `${title}: ${name}`);
      }
    }
  }
});

Deno.test("every program of a contest is a file", () => {
  const files = all.flatMap(([, contests]) =>
    contests.flatMap(({ subjects }) =>
      Object.values(subjects).map(({ args }) => args.find((arg) => /\.(ts|py)$/.test(arg))!)
    )
  );
  for (const file of new Set(files)) assert.ok(Deno.statSync(file).isFile, file);
});

Deno.test("peerContests() holds a real GPU to its own rows, and no adapter to the CPU's alone", () => {
  const whats = (machine: Parameters<typeof peerContests>[0]) =>
    peerContests(machine, torch, 2).flatMap(({ rows }) => rows.map(({ what }) => what));
  assert.ok(whats(HARDWARE).includes("WebGPU matmul 4096³"));
  assert.ok(whats(HARDWARE).includes("WebGPU LoRA step, 6 × 768 (DistilBERT), B 32, T 128"));
  assert.ok(whats(SOFTWARE).includes("WebGPU matmul 1024³"));
  assert.ok(whats({}).every((what) => !what.startsWith("WebGPU")));
});

Deno.test("peerContests() tells PyTorch the better core type by its environment", () => {
  const better = peerContests({}, { ...torch, better: "SkylakeX" }, 2);
  for (const { subjects } of better) {
    assert.deepEqual(subjects.SkylakeX.env, { OPENBLAS_CORETYPE: "SkylakeX" });
    assert.deepEqual(subjects.PyTorch.env, {});
  }
});
