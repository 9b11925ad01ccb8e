import assert from "node:assert/strict";
import { readCommand } from "../../../server/cli/command.ts";
import { permissionsFor, requirePermissions } from "../../../server/cli/permissions.ts";
import { UserError } from "../../../src/protocol/errors.ts";
import config from "../../../deno.json" with { type: "json" };

const nothing = () => Promise.resolve(false);
const everything = () => Promise.resolve(true);

async function refusal(words: string, query = nothing): Promise<string> {
  const args = words === "" ? [] : words.split(" ");
  try {
    await requirePermissions(permissionsFor(readCommand(args)), args, query);
  } catch (error) {
    assert.ok(error instanceof UserError);
    return error.message;
  }
  return "";
}

Deno.test("requirePermissions() needs for the default settings what the task grants", async () => {
  const message = await refusal("");
  const [, command] = message.split("; run: ");
  assert.equal(command, config.tasks.server.replace(/ --(no-prompt|v8-flags=\S+)/g, ""));
});

Deno.test("requirePermissions() names what is missing, and the command that allows it", async () => {
  assert.equal(
    await refusal("--host 0.0.0.0 --port 9000 --insecure --data-dir /srv/hafl"),
    "Cannot start without permission for the network address 0.0.0.0:9000, reading /srv/hafl, " +
      "writing /srv/hafl; run: deno run --allow-net=0.0.0.0:9000 --allow-read=/srv/hafl " +
      "--allow-write=/srv/hafl --allow-env=HAFL_ADMIN_TOKEN server/main.ts --host 0.0.0.0 " +
      "--port 9000 --insecure --data-dir /srv/hafl",
  );
});

Deno.test("requirePermissions() asks for files of TLS and token, unless they lie in the data's folder", async () => {
  const message = await refusal("--cert ./hafl-data/c.pem --key k.pem --admin-token-file t");
  assert.match(message, /--allow-read=\.\/hafl-data,k\.pem,t --allow-write=\.\/hafl-data /);
});

Deno.test("requirePermissions() asks a backup for its file, wherever it lies", async () => {
  assert.match(
    await refusal("backup hafl-data/b"),
    /--allow-read=\.\/hafl-data --allow-write=\.\//,
  );
  assert.match(
    await refusal("backup hafl-data/../b"),
    /--allow-write=\.\/hafl-data,hafl-data\/\.\.\/b,hafl-data\/\.\.\/b\.partial /,
  );
  const written = String.raw`\./hafl-data,/mnt/b,/mnt/b\.partial `;
  assert.match(
    await refusal("backup /mnt/b"),
    new RegExp(`--allow-read=${written}--allow-write=${written}`),
  );
  assert.match(
    await refusal("restore /mnt/b"),
    /-read=\.\/hafl-data,\/mnt\/b --allow-write=\.\/hafl-data /,
  );
  assert.doesNotMatch(await refusal("restore /mnt/b"), /--allow-net/);
});

Deno.test("requirePermissions() asks for a database's host and the environment, and repeats no password", async () => {
  const message = await refusal("--database postgres://hafl:secret@db.example:6000/hafl");
  assert.match(message, /--allow-net=127\.0\.0\.1:8080,db\.example:6000 /);
  assert.match(message, / --allow-env server\/main\.ts --database postgres:\/\/hafl:PASSWORD@db/);
  assert.doesNotMatch(message, /secret/);
  assert.match(await refusal("--database postgres://db/hafl"), /,db:5432 /);
});

Deno.test("requirePermissions() writes what a shell would not take as one word in quotes", async () => {
  const args = ["--data-dir", "my data's"];
  await assert.rejects(
    requirePermissions(permissionsFor(readCommand(args)), args, nothing),
    /'--allow-read=my data'\\''s' .* --data-dir 'my data'\\''s'$/,
  );
});

Deno.test("requirePermissions() says nothing when everything is allowed", async () => {
  assert.equal(await refusal("--port 0", everything), "");
});
