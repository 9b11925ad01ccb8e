/** A study runs where nothing can be fetched: no package is loaded that cached tokens make unnecessary. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { namesIn } from "../../src/cli/working_folder.ts";
import { withFolder } from "../temp_folder.ts";
import { root, runCli } from "./command.ts";
import { studyFolder } from "./study_support.ts";

interface DenoInfo {
  readonly roots: readonly string[];
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly specifier: string;
      readonly code?: { readonly specifier?: string };
    }[];
  }[];
}

/** Every specifier that a program's modules import as code, at once or later; types do not count, for Deno does not fetch them to run. */
async function codeImports(entry: string): Promise<Set<string>> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--no-npm", "--no-lock", `${root}${entry}`],
    cwd: root,
  }).output();
  const { roots, modules } = JSON.parse(new TextDecoder().decode(stdout)) as DenoInfo;
  const byName = new Map(modules.map((module) => [module.specifier, module]));
  const reached = new Set(roots);
  const written = new Set<string>();
  for (const name of reached) {
    for (const { specifier, code } of byName.get(name)?.dependencies ?? []) {
      if (code === undefined) continue;
      written.add(specifier);
      if (code.specifier !== undefined) reached.add(code.specifier);
    }
  }
  return written;
}

// The processes and threads of a study, each of which has modules of its own.
for (const entry of ["src/cli/study.ts", "src/cli/study/worker.ts", "src/engine/cpu/worker.ts"]) {
  Deno.test(`${entry} imports no package, not even later`, async () => {
    const imports = await codeImports(entry);
    assert.ok(imports.size > 0);
    const packages = [...imports].filter((specifier) => !/^(\.|file:|node:)/.test(specifier));
    assert.deepEqual(packages, []);
  });
}

Deno.test("train does import packages, which the walk above would find", async () => {
  assert.ok((await codeImports("src/cli/train.ts")).has("commander"));
});

Deno.test("study runs without any package once its tokens are prepared, with every seed's", async () => {
  await withFolder(async (folder) => {
    const study = await studyFolder(folder, "study");
    const bare = {
      DENO_DIR: join(folder, "deno"),
      // Nobody listens there.
      NPM_CONFIG_REGISTRY: "http://127.0.0.1:9/",
      JSR_URL: "http://127.0.0.1:9/",
    };
    const cold = await runCli("study", study.args, bare);
    assert.equal(cold.code, 2, "without tokens there is no way");
    assert.match(cold.err, /^error: Cannot run IFALoRA .*"npm:@huggingface\/tokenizers/);

    const prepared = await study.run("--prepare");
    assert.equal(prepared.code, 0, prepared.err);
    assert.match(prepared.out, /^Prepared 2 sets of texts$/m);
    const { code, out, err } = await runCli("study", [...study.args, "--offline"], bare);
    assert.equal(code, 0, err);
    assert.match(out, /^4\/4 /m);
    assert.deepEqual(await namesIn(join(bare.DENO_DIR, "npm")), []);
  });
});
