/** `deno task merge` with the flags of the command line, in a process of its own that interrupts itself as soon as it has something to say. */

import { runCommand } from "../../src/cli/errors.ts";
import { merge } from "../../src/cli/merge.ts";

await runCommand(() => merge(Deno.args, () => Deno.kill(Deno.pid, "SIGTERM")));
