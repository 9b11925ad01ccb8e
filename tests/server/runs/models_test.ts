import assert from "node:assert/strict";
import { attachModelFile, auditLog, modelFile, modelFiles } from "../../../server/runs/mod.ts";
import { readBlob } from "../../../server/store/blobs.ts";
import { postgresStore } from "../store/stores.ts";
import { refuses, serviceOn, stores, uploadOf } from "./support.ts";

const hash = "ab".repeat(32);

for (const store of stores) {
  store.test("attachModelFile() keeps a file by hash and path, and takes it again", async ({ open }) => {
    const service = serviceOn(await open());
    const large = new Uint8Array(600_000).map((_, i) => i % 251);
    const put = async (path: string, bytes: Uint8Array, of = hash) =>
      await attachModelFile(service, of, path, await uploadOf(service, bytes), "admin");
    await put("onnx/model.onnx", large);
    await put("config.json", new Uint8Array([1, 2]));
    assert.deepEqual(await modelFiles(service, hash), [
      { path: "config.json", size: 2 },
      { path: "onnx/model.onnx", size: 600_000 },
    ]);
    const { blob, size } = await modelFile(service, hash, "onnx/model.onnx");
    assert.equal(size, 600_000);
    assert.deepEqual(await readBlob(service.db, blob), large);
    await put("onnx/model.onnx", large);
    await refuses(() => put("onnx/model.onnx", large.subarray(1)), "conflict");
    assert.equal((await service.db.query("SELECT id FROM blobs")).length, 2);
    assert.equal((await auditLog(service, 9)).length, 2);
    await refuses(() => modelFile(service, hash, "none"), "not-found");
    assert.deepEqual(await modelFiles(service, "cd".repeat(32)), []);
    for (const path of ["../x", "a/../b", "/etc/x", "a//b", ".", "a b", "", "a/./b", "a/"]) {
      await refuses(() => put(path, large), "malformed");
    }
    await refuses(() => put("config.json", large, "short"), "malformed");
  });
}

postgresStore.test("attachModelFile() takes a file that another process is storing", async ({ open }) => {
  const service = serviceOn(await open());
  const bytes = new Uint8Array([1, 2]);
  const other = await uploadOf(service, bytes);
  const upload = await uploadOf(service, bytes);
  const begun = Promise.withResolvers<void>();
  const attached = begun.promise.then(() =>
    attachModelFile(service, hash, "config.json", upload, "admin")
  );
  await service.db.transaction("attach-model-file", async (transaction) => {
    const { id, size } = await other.finish(transaction);
    await transaction.query("INSERT INTO models (hash, path, size, blob) VALUES ($1, $2, $3, $4)", [
      hash,
      "config.json",
      size,
      id,
    ]);
    begun.resolve();
    for (let waiting = 0; waiting === 0;) {
      [{ waiting }] = await transaction.query<{ waiting: number }>(
        "SELECT COUNT(*) AS waiting FROM pg_locks WHERE NOT granted",
      );
    }
  });
  await attached;
  assert.deepEqual(await service.db.query("SELECT id FROM blobs"), [{ id: other.id }]);
});
