/**
 * Writes the files of the built-in base into this folder: `deno run -A base/make_base.ts`.
 *
 * @module
 */

import { baseFiles } from "./files.ts";

for (const [name, bytes] of baseFiles()) {
  const target = new URL(name, import.meta.url);
  const partial = new URL(`${name}.tmp`, import.meta.url);
  Deno.writeFileSync(partial, bytes);
  Deno.renameSync(partial, target);
  console.log(`${name}: ${bytes.length} bytes`);
}
