import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(
  new URL("../../../bench/virtual_clients/compare.ts", import.meta.url),
);

Deno.test("compare refuses a number of rounds that is none", async () => {
  for (const rounds of ["x", "0"]) {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-lock", "-A", program, `--rounds=${rounds}`],
      env: { NO_COLOR: "1" },
    }).output();
    assert.deepEqual([code, stdout.length], [1, 0]);
    assert.match(
      new TextDecoder().decode(stderr),
      new RegExp(`RangeError: Cannot use --rounds ${rounds}: expected a whole number`),
    );
  }
});
