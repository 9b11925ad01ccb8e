import assert from "node:assert/strict";
import { servedModelHash } from "../../../src/protocol/served_model.ts";
import { adminRequest, publishedBank, tinyLanguageManifest, tinyManifest } from "../tiny_run.ts";
import {
  adminToken,
  enrolledRun,
  expectProblem,
  expectStatus,
  rejectsOf,
  sendSigned,
  withApp,
} from "./support.ts";

const model = "0a".repeat(32);

Deno.test("addFileRoutes() serve banks to clients and the administrator, with a tag", () =>
  withApp(async (test) => {
    const { run, members: [{ key }] } = await enrolledRun(test);
    const whole = await publishedBank(test.admin, run, 0);
    for (const rounds of ["0", "latest"]) {
      const route = `/v1/runs/${run}/banks/${rounds}`;
      const bank = await sendSigned(test, key, { method: "GET", route });
      assert.deepEqual(await bank.bytes(), whole);
      assert.equal(bank.headers.get("content-length"), String(whole.length));
      assert.equal(bank.headers.get("hafl-rounds"), "0");
      const etag = bank.headers.get("etag")!;
      const headers = { "if-none-match": `"other", ${etag}` };
      await expectStatus(304, await sendSigned(test, key, { method: "GET", route, headers }));
    }
    const absent = { method: "GET", route: `/v1/runs/${run}/banks/1` };
    await expectProblem("not-found", 404, await sendSigned(test, key, absent));
    const odd = { method: "GET", route: `/v1/runs/${run}/banks/first` };
    await expectProblem("malformed", 400, await sendSigned(test, key, odd));
  }));

Deno.test("addFileRoutes() serve the manifest as it was given", () =>
  withApp(async (test) => {
    const { run, manifest, members: [{ key }] } = await enrolledRun(test);
    const read = await sendSigned(test, key, { method: "GET", route: `/v1/runs/${run}/manifest` });
    assert.deepEqual(await read.json(), manifest);
  }));

Deno.test("addFileRoutes() keep a base model's files, in folders too, for the run's clients", () =>
  withApp(async (test) => {
    const { members: [{ key }] } = await enrolledRun(test);
    const files = [["config.json", "{}"], ["onnx/model.onnx", "weights"]];
    for (const [path, body] of files) {
      await adminRequest(test.admin, `/v1/models/${model}/files/${path}`, { method: "PUT", body });
    }
    const route = `/v1/models/${model}/files`;
    const list = await sendSigned(test, key, { method: "GET", route });
    assert.deepEqual(await list.json(), [
      { path: "config.json", size: 2 },
      { path: "onnx/model.onnx", size: 7 },
    ]);
    for (const path of ["onnx/model.onnx", "onnx%2Fmodel.onnx"]) {
      const file = await sendSigned(test, key, { method: "GET", route: `${route}/${path}` });
      assert.equal(await file.text(), "weights");
    }
    const put = (path: string, body: string) =>
      test.fetch(`${route}/${path}`, {
        method: "PUT",
        headers: { authorization: `Bearer ${adminToken}` },
        body,
      });
    await expectProblem("conflict", 409, await put("config.json", "[]"));
    await expectProblem("malformed", 400, await put("..%2Fconfig.json", "{}"));
  }));

Deno.test("addFileRoutes() hand out the model with the chat template of a run of conversations", () =>
  withApp(async (test) => {
    const identity = { ...tinyManifest().model, chatTemplate: "0d".repeat(32) };
    const manifest = tinyLanguageManifest({ task: "chat", model: identity });
    const { members: [{ key }] } = await enrolledRun(test, { manifest });
    const filesOf = (hash: string) =>
      sendSigned(test, key, { method: "GET", route: `/v1/models/${hash}/files` });
    assert.deepEqual(await (await filesOf(await servedModelHash(identity))).json(), []);
    await expectProblem("unauthorized", 403, await filesOf(identity.hash));
  }));

Deno.test("addFileRoutes() hand a client no other model than its run's", () =>
  withApp(async (test) => {
    const { run, members: [{ key }] } = await enrolledRun(test);
    const other = "0c".repeat(32);
    for (const route of [`/v1/models/${other}/files`, `/v1/models/${other}/files/config.json`]) {
      await expectProblem(
        "unauthorized",
        403,
        await sendSigned(test, key, { method: "GET", route }),
      );
    }
    assert.deepEqual(await rejectsOf(test, run), []);
  }));
