import assert from "node:assert/strict";
import { isCached, reachHub } from "../../../src/cli/doctor/surroundings.ts";
import { withFolder } from "../../temp_folder.ts";

Deno.test("isCached finds a package of that version under any registry", () =>
  withFolder(async (folder) => {
    const lies = `${folder}/some.registry/@scope/name/1.2.3`;
    assert.equal(await isCached(folder, "npm:@scope/name@1.2.3"), false);
    await Deno.mkdir(lies, { recursive: true });
    assert.equal(await isCached(folder, "npm:@scope/name@1.2.3"), false, "a download cut short");
    await Deno.writeTextFile(`${lies}/package.json`, "{}");
    assert.equal(await isCached(folder, "npm:@scope/name@1.2.3"), true);
    assert.equal(await isCached(folder, "npm:@scope/name@1.2.4"), false);
    assert.equal(await isCached(`${folder}/none`, "npm:@scope/name@1.2.3"), false);
  }));

Deno.test("reachHub says whether a server answers, and why not", async () => {
  let status = 200;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(null, { status }),
  );
  const url = `http://127.0.0.1:${server.addr.port}/`;
  assert.deepEqual(await reachHub(url), { reached: true });
  status = 503;
  assert.deepEqual(await reachHub(url), { reached: false, reason: "it answers with status 503" });
  await server.shutdown();
  const answer = await reachHub(url);
  assert.ok(!answer.reached && answer.reason.length > 0);
});
