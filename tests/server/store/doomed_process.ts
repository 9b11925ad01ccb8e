/** A process of its own that opens a database and is killed: `deno run doomed_process.ts '{"dataDir": …, "doom": …}'`. */

import { fileURLToPath } from "node:url";

import { openDatabase } from "../../../server/store/open.ts";
import { insertAudit } from "./rows.ts";
import type { Place } from "./stores.ts";

/** How it ends: by itself around the commit of a row in the audit log, or by the test while it holds the key "doom". */
export type Doom = "before" | "after" | "holding";

/** Starts it; the output is "holding" once it holds. */
export function startDoomed({ dataDir, url }: Place, doom: Doom): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", fileURLToPath(import.meta.url), JSON.stringify({ dataDir, url, doom })],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
}

if (import.meta.main) {
  const { doom, ...place } = JSON.parse(Deno.args[0]) as Place & { doom: Doom };
  const database = await openDatabase({
    ...place,
    onStep(step, moment) {
      if (step === "audit" && moment === doom) Deno.kill(Deno.pid, "SIGKILL");
    },
  });
  if (doom === "holding") {
    await database.exclusively("doom", async () => {
      await Deno.stdout.write(new TextEncoder().encode("holding"));
      // Ends with the test that started it, should that forget to kill it.
      await Deno.stdin.read(new Uint8Array(1));
    });
  } else {
    await database.transaction("audit", (transaction) => insertAudit(transaction, doom));
  }
  await database.close();
}
