import assert from "node:assert/strict";
import { join } from "node:path";
import { clientMemories } from "../../src/cli/client_memories.ts";
import { namesIn } from "../../src/cli/working_folder.ts";
import { UserError } from "../../src/protocol/errors.ts";

const memory = (value: number) => ({ scores: [Float64Array.of(value)] });

Deno.test("clientMemories() keeps every round's memory until it is told which count", async () => {
  const folder = join(await Deno.makeTempDir(), "run/clients");
  const memories = clientMemories(folder);
  await memories.removeOthers([]); // there is no folder yet
  const [one, two] = [
    await memories.keep(0, 1, memory(1)),
    await memories.keep(0, 2, memory(2)),
  ];
  const other = await memories.keep(11, 1, memory(3));
  assert.deepEqual([one.round, two.round], [1, 2]);
  assert.equal((await one.read()).scores![0][0], 1);
  assert.equal((await two.read()).scores![0][0], 2);

  await Deno.writeTextFile(join(folder, "notes.txt"), "not a memory");
  const third = await memories.keep(0, 3, memory(4));
  await memories.removeOthers([[third], [two, ...new Array(10).fill(undefined), other]]);
  assert.deepEqual(await namesIn(folder), [
    "client-000001-round-000002.safetensors",
    "client-000001-round-000003.safetensors",
    "client-000012-round-000001.safetensors",
    "notes.txt",
  ]);
  assert.equal((await memories.open(11, 1).read()).scores![0][0], 3);
  await assert.rejects(
    one.read(),
    (error) => error instanceof UserError && /client 1: .* round 1 is gone/.test(error.message),
  );
});

Deno.test("clientMemories() replaces what a failed round has kept", async () => {
  const memories = clientMemories(join(await Deno.makeTempDir(), "clients"));
  await memories.keep(2, 5, { scores: [new Float64Array(100)] });
  const again = await memories.keep(2, 5, memory(7));
  assert.deepEqual(await again.read(), { scores: [Float64Array.of(7)], optimizer: undefined });
});
