import assert from "node:assert/strict";
import { adminToken } from "../../../server/cli/admin_token.ts";
import { UserError } from "../../../src/protocol/errors.ts";
import { withFolder } from "../../temp_folder.ts";

const noEnvironment = () => Promise.resolve(false);

Deno.test("adminToken() makes a token that only its owner can read, and finds it again", () =>
  withFolder(async (folder) => {
    const dataDir = `${folder}/data`;
    const made = await adminToken({ file: undefined, dataDir, query: noEnvironment });
    assert.match(made.token, /^[A-Za-z0-9_-]{43}$/);
    assert.equal(made.place, `${dataDir}/admin-token`);
    const { mode } = await Deno.stat(made.place);
    assert.equal(mode! & 0o777, 0o600);
    assert.deepEqual([...Deno.readDirSync(dataDir)].map(({ name }) => name), ["admin-token"]);
    const found = await adminToken({ file: undefined, dataDir, query: noEnvironment });
    assert.deepEqual(found, made);
  }));

Deno.test("adminToken() takes a file that was named, and tells when others can read it", () =>
  withFolder(async (folder) => {
    const file = `${folder}/token`;
    await Deno.writeTextFile(file, "  a-token-of-my-own\n", { mode: 0o640 });
    await Deno.chmod(file, 0o640);
    const given = await adminToken({ file, dataDir: folder, query: noEnvironment });
    assert.deepEqual(given, { token: "a-token-of-my-own", place: file, exposed: true });
    await Deno.chmod(file, 0o600);
    assert.equal((await adminToken({ file, dataDir: folder })).exposed, false);
  }));

Deno.test("adminToken() refuses what is no token, and does not make one in its place", () =>
  withFolder(async (folder) => {
    const file = `${folder}/admin-token`;
    for (const text of ["", "short", "a token with blanks in it", "ünïcödé-token-of-mine"]) {
      await Deno.writeTextFile(file, text);
      await assert.rejects(
        adminToken({ file: undefined, dataDir: folder, query: noEnvironment }),
        (error) => error instanceof UserError && error.message.includes(file),
      );
      assert.equal(await Deno.readTextFile(file), text);
    }
    const absent = { file: `${folder}/absent`, dataDir: folder };
    await assert.rejects(adminToken(absent), /Cannot read the token in ".*\/absent"/);
  }));
