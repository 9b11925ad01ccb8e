import assert from "node:assert/strict";
import { CommanderError } from "commander";
import { readCommand } from "../../../server/cli/command.ts";
import { commandEnd } from "../../../server/cli/run_command.ts";
import { UserError } from "../../../src/protocol/errors.ts";

Deno.test("readCommand() serves this machine alone when nothing is said", () => {
  assert.deepEqual(readCommand([]), {
    kind: "serve",
    settings: { dataDir: "./hafl-data", host: "127.0.0.1", port: 8080 },
  });
});

Deno.test("readCommand() reads every flag", () => {
  const flags = "--host 0.0.0.0 --port 0 --data-dir /srv/hafl --cert c.pem --key k.pem " +
    "--admin-token-file token --database postgres://a@b/c";
  assert.deepEqual(readCommand(flags.split(" ")), {
    kind: "serve",
    settings: {
      host: "0.0.0.0",
      port: 0,
      dataDir: "/srv/hafl",
      cert: "c.pem",
      key: "k.pem",
      adminTokenFile: "token",
      database: "postgres://a@b/c",
    },
  });
});

Deno.test("readCommand() reads backup and restore, with the data's place on either side", () => {
  for (
    const words of [["--data-dir", "d", "backup", "f"], ["backup", "f", "--data-dir", "d"]]
  ) {
    const command = readCommand(words);
    assert.equal(command.kind, "backup");
    assert.ok(command.kind === "backup" && command.file === "f");
    assert.equal(command.settings.dataDir, "d");
  }
  assert.equal(readCommand(["restore", "f"]).kind, "restore");
});

Deno.test("readCommand() keeps tokens from going over a network without TLS", () => {
  for (const host of ["127.0.0.1", "127.1.2.3", "::1", "localhost"]) {
    assert.equal(readCommand(["--host", host]).kind, "serve");
  }
  for (const host of ["0.0.0.0", "::", "192.0.2.1", "127.example.org"]) {
    assert.throws(
      () => readCommand(["--host", host]),
      (error) =>
        error instanceof UserError && /without TLS: .*--cert.*--insecure/.test(error.message),
    );
    assert.equal(readCommand(["--host", host, "--insecure"]).kind, "serve");
    assert.equal(readCommand(["--host", host, "--cert", "c", "--key", "k"]).kind, "serve");
  }
});

Deno.test("readCommand() refuses half of a TLS setting, and words and values it does not know", () => {
  assert.throws(() => readCommand(["--cert", "c"]), /Cannot use --cert alone/);
  assert.throws(() => readCommand(["--key", "k"]), /Cannot use --key alone/);
  for (
    const words of [
      ["--prot", "1"],
      ["--port", "65536"],
      ["--port", "x"],
      ["backup"],
      ["backup", "f", "g"],
    ]
  ) {
    assert.throws(() => readCommand(words), CommanderError);
  }
  for (const words of [["run"], ["run", "--port", "1"], ["bakup", "f"]]) {
    assert.throws(
      () => readCommand(words),
      (error: Error) =>
        error instanceof UserError &&
        error.message ===
          `Unknown command "${words[0]}": expected backup or restore, or none to serve`,
    );
  }
});

Deno.test("commandEnd() tells a user's mistake in one line and keeps the stack of a fault", () => {
  assert.deepEqual(commandEnd(new UserError("Cannot do\nit")), {
    code: 2,
    text: "error: Cannot do it",
  });
  const unknown = new CommanderError(1, "commander.unknownOption", "error: unknown option '--x'");
  assert.deepEqual(commandEnd(unknown), { code: 2, text: "error: Unknown option '--x'" });
  assert.deepEqual(commandEnd(new CommanderError(0, "commander.helpDisplayed", "(help)")), {
    code: 0,
    text: "",
  });
  const { code, text } = commandEnd(new TypeError("odd"));
  assert.equal(code, 1);
  assert.match(text, /TypeError: odd\n.*command_test\.ts/);
});
