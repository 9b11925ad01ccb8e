import assert from "node:assert/strict";
import { folderCache, folderFiles } from "../../src/cli/deno_files.ts";
import { encodeSafetensors, SafetensorsError } from "../../src/protocol/safetensors.ts";
import { openWeights, readConfig } from "../../src/weights/mod.ts";
import { withFolder } from "../temp_folder.ts";

Deno.test("folderFiles() refuses a folder that does not exist, or is a file", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    for (const path of [`${folder}/none`, `${folder}/file`, `${folder}/file/inner`]) {
      assert.throws(() => folderFiles(path), {
        name: "ModelFolderError",
        message: `Cannot open model "${path}": no such folder`,
      });
    }
  });
});

Deno.test("folderFiles() opens weights from disk by range", async () => {
  await withFolder(async (folder) => {
    const bytes = encodeSafetensors([
      { name: "a", shape: [3], data: new Float32Array([1, 2, 3]) },
      { name: "b", shape: [1], data: new Float32Array([4]) },
    ]);
    await Deno.writeFile(`${folder}/model.safetensors`, bytes);
    const files = folderFiles(`${folder}/`);
    assert.equal(files.label, folder);
    const weights = await openWeights(files);
    assert.deepEqual(await weights.load("b", [1]), new Float32Array([4]));
    const file = (await files.open("model.safetensors"))!;
    assert.deepEqual(await file.read(8, 5), bytes.slice(8, 13));
    assert.equal(await files.open("onnx"), undefined);
  });
});

Deno.test("read() reaches beyond the first 4 GiB of a file", async () => {
  await withFolder(async (folder) => {
    const place = 2 ** 32 + 8;
    {
      // All before what is written is a hole that takes no space.
      using sparse = await Deno.open(`${folder}/large`, { create: true, write: true });
      await sparse.truncate(5 * 2 ** 30);
      await sparse.seek(place, Deno.SeekMode.Start);
      await sparse.write(Uint8Array.of(1, 2, 3, 4));
    }
    const file = (await folderFiles(folder).open("large"))!;
    assert.equal(await file.size(), 5 * 2 ** 30);
    assert.deepEqual(await file.read(place, 4), Uint8Array.of(1, 2, 3, 4));
  });
});

Deno.test("folderFiles() lets the codec refuse half-written and empty files", async () => {
  await withFolder(async (folder) => {
    const files = folderFiles(folder);
    await Deno.writeTextFile(`${folder}/config.json`, "");
    await assert.rejects(() => readConfig(files), { message: /but the file is empty$/ });
    const bytes = encodeSafetensors([{ name: "a", shape: [3], data: new Float32Array(3) }]);
    for (const size of [0, 30, bytes.length - 4]) {
      await Deno.writeFile(`${folder}/model.safetensors`, bytes.slice(0, size));
      await assert.rejects(() => openWeights(files), SafetensorsError);
    }
  });
});

Deno.test("read() names a file that became shorter while it was read", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/data`, "12345");
    const file = (await folderFiles(folder).open("data"))!;
    await assert.rejects(() => file.read(2, 8), {
      name: "UserError",
      message: `Cannot read "${folder}/data": expected 8 bytes at offset 2, got 3`,
    });
  });
});

Deno.test("folderCache() keeps nothing of a body that fails, and all of one that ends", async () => {
  await withFolder(async (folder) => {
    const cache = folderCache(`${folder}/cache`);
    const key = "org/model/config.json";
    const failing = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new Uint8Array([1]));
      },
      pull(controller) {
        controller.error(new Error("connection lost"));
      },
    });
    await assert.rejects(() => cache.put(key, failing), { message: /connection lost/ });
    assert.deepEqual([...Deno.readDirSync(`${folder}/cache/org/model`)], []);
    assert.equal(await cache.match(key), undefined);

    await cache.put(key, new Blob(["{}"]).stream());
    const kept = (await cache.match(key))!;
    assert.equal(new TextDecoder().decode(await kept.read(0, 2)), "{}");
    assert.equal([...Deno.readDirSync(`${folder}/cache/org/model`)].length, 1);
  });
});
