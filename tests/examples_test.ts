import assert from "node:assert/strict";
import { join } from "node:path";

const root = new URL("../", import.meta.url);

Deno.test("examples/train.ts runs from a project of its own and writes an adapter", async () => {
  const folder = await Deno.makeTempDir({ prefix: "hafl-example-" });
  try {
    await Deno.writeTextFile(join(folder, "deno.json"), "{}");
    const example = await Deno.readTextFile(new URL("examples/train.ts", root));
    const moved = example.replace('"../mod.ts"', JSON.stringify(new URL("mod.ts", root).href));
    assert.notEqual(moved, example);
    await Deno.writeTextFile(join(folder, "train.ts"), moved);
    const checked = await new Deno.Command(Deno.execPath(), {
      args: ["check", "train.ts"],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    assert.equal(checked.code, 0, new TextDecoder().decode(checked.stderr));
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "train.ts"],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    const accuracies = [...new TextDecoder().decode(stdout).matchAll(/accuracy ([\d.]+) %/g)];
    assert.equal(accuracies.length, 3);
    assert.ok(Number(accuracies[2][1]) > 10, "above chance, 5 %");
    const config = JSON.parse(await Deno.readTextFile(join(folder, "adapter/adapter_config.json")));
    assert.equal(config.peft_type, "LORA");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
