/** `deno task generate` with the small tokenizer engine: a process to send signals to, and to read from. */

import { runCommand } from "../../../src/cli/errors.ts";
import { generateText } from "../../../src/cli/generate.ts";
import { standardOutput } from "../../../src/cli/generate/output.ts";
import { createTokenizer } from "../../../src/data/tokenizer.ts";

await runCommand(() => generateText(Deno.args, standardOutput(), createTokenizer));
