import assert from "node:assert/strict";
import { join } from "node:path";
import { folderFiles } from "../../src/cli/deno_files.ts";
import { merge } from "../../src/cli/merge.ts";
import { namesIn } from "../../src/cli/working_folder.ts";
import { exportPeft, type PeftSettings } from "../../src/lora/peft.ts";
import { readModel } from "../../src/models/mod.ts";
import { createBank } from "../../src/protocol/bank.ts";
import { modelHash, openWeights } from "../../src/weights/mod.ts";
import { readJson } from "../models/support.ts";
import { withFolder } from "../temp_folder.ts";
import { root } from "./command.ts";

const model = new URL("../golden/llama/", import.meta.url).pathname;

/** A folder with an adapter of rank 2 on the tiny Llama's attention, all of it ones. */
async function writeAdapter(folder: string, settings: Partial<PeftSettings> = {}): Promise<void> {
  const { modules, defaultTargets } = readModel(
    readJson(new URL("../golden/llama/config.json", import.meta.url)) as Record<string, unknown>,
  );
  const targets = modules.filter(({ name }) => defaultTargets.test(name));
  const bank = createBank({ modules: targets, rank: 2, alpha: 2, seed: 1, head: [] });
  for (const { a, b } of bank.modules) {
    a.fill(1);
    b.fill(1);
  }
  const files = exportPeft(bank, { baseModel: model, loraDropout: 0, ...settings });
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, "adapter_config.json"), files["adapter_config.json"]);
  const tensors = files["adapter_model.safetensors"];
  await Deno.writeFile(join(folder, "adapter_model.safetensors"), tensors);
}

Deno.test("merge writes a sharded model with the adapter in its weights, whole or not at all", () =>
  withFolder(async (folder) => {
    const [adapter, out] = [join(folder, "adapter"), join(folder, "deep", "merged")];
    const hash = await modelHash(folderFiles(model));
    await writeAdapter(adapter, { baseModel: "some/base", baseHash: hash });
    const lines: string[] = [];
    const flags = [`--model=${model}`, `--adapter=${adapter}`, `--out=${out}`];
    await merge([...flags, "--shard-size=10KB"], (line) => lines.push(line));
    assert.match(lines.join("\n"), /^Model {4}.*merged, \d+ modules merged, f32$/);
    const names = await namesIn(out);
    assert.ok(names.includes("config.json") && names.includes("model.safetensors.index.json"));
    assert.ok(names.filter((name) => name.endsWith(".safetensors")).length > 1, `${names}`);
    assert.deepEqual(await namesIn(join(folder, "deep")), ["merged"], "nothing temporary is left");

    const [base, merged] = [
      await openWeights(folderFiles(model)),
      await openWeights(folderFiles(out)),
    ];
    for (const name of merged.names) {
      const shape = base.shape(name);
      const [before, after] = [await base.load(name, shape), await merged.load(name, shape)];
      const change = /self_attn\.[a-z]_proj\.weight$/.test(name) ? 2 : 0;
      assert.deepEqual(after, before.map((value) => value + change), name);
    }

    await assert.rejects(merge(flags, () => {}), /it is not an empty folder; use another --out/);
    await merge([...flags, "--overwrite", "--dtype=f16"], () => {});
    const config = JSON.parse(await Deno.readTextFile(join(out, "config.json")));
    assert.equal(config.torch_dtype, "float16");
    assert.deepEqual(await namesIn(out), ["config.json", "model.safetensors"]);
  }));

Deno.test("merge says in one line what is wrong, and writes nothing", () =>
  withFolder(async (folder) => {
    const adapter = join(folder, "adapter");
    const refused = async (message: RegExp, ...given: string[]) => {
      const flags = [`--model=${model}`, `--adapter=${adapter}`, `--out=${join(folder, "out")}`];
      await assert.rejects(merge([...flags, ...given], () => {}), message);
      assert.ok(!(await namesIn(folder)).some((name) => name.startsWith("out")), `${message}`);
    };
    await refused(/^UserError: Cannot open adapter ".*adapter": no such folder$/);
    await Deno.mkdir(adapter);
    await Deno.writeTextFile(join(adapter, "adapter_config.json"), "{}");
    await refused(/^UserError: Cannot open adapter ".*": it has no adapter_model\.safetensors$/);
    await Deno.writeTextFile(join(adapter, "adapter_model.bin"), "");
    await refused(/has no adapter_model\.safetensors; adapter_model\.bin is not read, for /);

    await writeAdapter(adapter, { baseHash: "ab".repeat(32) });
    await refused(/^PeftError: .* expected the base ".*" of hash abababababab, got [0-9a-f]{12}$/);
    await writeAdapter(adapter);
    await refused(/^PeftError: .* which the model does not have/, `--model=${model}../bert`);
    await refused(/^UserError: Cannot use --dtype: expected one of f32, f16, bf16/, "--dtype=int8");
    for (const size of ["2", "GB", "0MB", "-1GB", "2TB"]) {
      await refused(/^UserError: Cannot use --shard-size: expected a size/, `--shard-size=${size}`);
    }
    const lines: string[] = [];
    await writeAdapter(adapter, { baseModel: "some/base" });
    await merge(
      [`--model=${model}`, `--adapter=${adapter}`, `--out=${join(folder, "noted")}`],
      (line) => lines.push(line),
    );
    assert.match(lines[0], /^The adapter was trained on "some\/base", and is used with "/);
  }));

Deno.test("merge never writes over what it reads", () =>
  withFolder(async (folder) => {
    await writeAdapter(join(folder, "adapter"));
    const flags = [`--model=${model}`, `--adapter=${folder}/adapter`, "--overwrite"];
    for (const out of [join(folder, "adapter"), folder, model]) {
      await assert.rejects(merge([...flags, `--out=${out}`], () => {}), /use another --out$/);
    }
    assert.equal((await namesIn(join(folder, "adapter"))).length, 2);
  }));

// In a process of its own, since every test of this one would hear the signal; Windows knows none but Ctrl-C.
Deno.test({
  name: "merge leaves nothing behind when it is interrupted",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withFolder(async (folder) => {
      const [adapter, out] = [join(folder, "adapter"), join(folder, "out")];
      await writeAdapter(adapter, { baseModel: "some/base" });
      const flags = [
        `--model=${model}`,
        `--adapter=${adapter}`,
        `--out=${out}`,
        "--shard-size=1KB",
      ];
      // The note comes before the first file is written.
      const process = ["run", "-A", "--no-lock", "tests/cli/interrupted_merge.ts", ...flags];
      const { code, stderr } = await new Deno.Command(Deno.execPath(), { args: process, cwd: root })
        .output();
      assert.match(new TextDecoder().decode(stderr), /^Stopped; ".*" is as it was$/m);
      assert.equal(code, 130);
      assert.deepEqual(await namesIn(folder), ["adapter"]);
    }),
});
