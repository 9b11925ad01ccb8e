import assert from "node:assert/strict";
import { join } from "node:path";
import {
  createTokenFile,
  openTokenFile,
  tokenBytes,
} from "../../../src/cli/pretrain/token_file.ts";
import { UserError } from "../../../src/protocol/errors.ts";
import { withFolder } from "../../temp_folder.ts";

/** More than one piece of the writer. */
const COUNT = 600_000;

for (const [width, ids] of [[2, 0x10000], [4, 0x10001]] as const) {
  Deno.test(`openTokenFile() reads any range of what createTokenFile() wrote (${width} bytes a token)`, async () => {
    await withFolder(async (folder) => {
      assert.equal(tokenBytes(ids), width);
      const path = join(folder, "a.tokens");
      const tokens = Uint32Array.from({ length: COUNT }, (_, i) => (i * 7919) % ids);
      const writer = await createTokenFile(path, width);
      for (let start = 0; start < COUNT; start += 250_001) {
        await writer.write(tokens.subarray(start, start + 250_001));
      }
      await assert.rejects(Deno.stat(path), "no name before it is finished");
      await writer.finish();
      await writer.abandon();
      using corpus = openTokenFile(path, width, COUNT);
      assert.equal(corpus.length, COUNT);
      for (const [start, count] of [[0, 5], [262_140, 10], [COUNT - 3, 3], [7, 0]]) {
        assert.deepEqual(corpus.read(start, count), tokens.slice(start, start + count));
      }
      assert.throws(() => corpus.read(COUNT - 3, 4), UserError);
    });
  });
}

Deno.test("createTokenFile() leaves nothing behind when it is abandoned", async () => {
  await withFolder(async (folder) => {
    const writer = await createTokenFile(join(folder, "a.tokens"), 2);
    await writer.write([1, 2, 3]);
    await writer.abandon();
    assert.deepEqual(await Array.fromAsync(Deno.readDir(folder)), []);
  });
});

Deno.test("openTokenFile() refuses a file that is missing or of another length", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "a.tokens");
    assert.throws(() => openTokenFile(path, 2, 3), UserError);
    await Deno.writeFile(path, new Uint8Array(5));
    assert.throws(() => openTokenFile(path, 2, 3), /expected 6 bytes, got 5/);
  });
});
