/** docs/methods.md against the code: its table against the registry, its example by carrying it out on a copy of the protocol. */

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { aggregatorNames } from "../../../src/protocol/aggregate/mod.ts";
import { namedMethods } from "../../../src/protocol/methods/mod.ts";

const root = new URL("../../../", import.meta.url);
const text = await Deno.readTextFile(new URL("docs/methods.md", root));
const blocks = [...text.matchAll(/```ts ignore\n([\s\S]*?)```/g)].map(([, code]) => code);

/** Cells of the row that begins with a name, in the table of so many columns. */
function rowOf(name: string, columns: number): string[] {
  const rows = text.split("\n").filter((line) => line.startsWith(`| \`${name}\` `))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  const row = rows.find(({ length }) => length === columns);
  assert.ok(row, `docs/methods.md has no row for ${name}`);
  return row;
}

Deno.test("docs/methods.md says of every method what it is", () => {
  for (const { name, source, settings } of namedMethods) {
    const [, holds, rule, picks, , , from] = rowOf(name, 7);
    assert.ok(holds.startsWith(settings.method), `${name}: ${holds}`);
    assert.equal(rule, settings.aggregation);
    if (settings.selection !== undefined) assert.equal(picks, settings.selection);
    assert.equal(from, source);
  }
});

Deno.test("docs/methods.md says of every rule what it does", () => {
  for (const name of aggregatorNames) assert.ok(rowOf(name, 2)[1].length > 10);
});

/** Runs in the copy: the new method's settings by name, and a round of its rule. */
const round = `
import assert from "node:assert/strict";
import * as hafl from "./src/protocol/mod.ts";

const { settings } = hafl.methodNamed("rbla")!;
assert.deepEqual(settings, { method: "truncate", aggregation: "rbla", selection: "first", warmupRounds: 0 });
const modules = [{ name: "q_proj", inFeatures: 2, outFeatures: 1 }];
const bank = hafl.createBank({ modules, rank: 3, alpha: 6, seed: 1, head: [] });
const deals = hafl.dealRound({
  bank,
  participants: [{ client: 0, rank: 1 }, { client: 1, rank: 2 }],
  method: settings.method,
  scope: hafl.selectPerModule,
  selector: hafl.selectorOf(settings.selection!, 1),
  warmupRounds: settings.warmupRounds!,
  round: 0,
  seed: 1,
});
assert.deepEqual(deals.map(({ indices: [list] }) => [...list]), [[0], [0, 1]]);
const updates = deals.map((deal, k) =>
  hafl.extractUpdate(bank, deal, {
    samples: [100, 300][k],
    modules: bank.modules.map((module) => ({ ...module, a: module.a.map(() => 4 * k), b: module.b.map(() => 8 * k) })),
    head: [],
  })
);
const rule = hafl.aggregationRules.rbla.aggregator;
const [{ a, b }] = hafl.aggregate(rule, bank, updates).modules;
assert.deepEqual([...a], [3, 3, 4, 4, ...bank.modules[0].a.subarray(4)]);
assert.deepEqual([...b], [6, 8, 0]);
`;

async function deno(cwd: string, ...args: string[]): Promise<void> {
  const command = new Deno.Command(Deno.execPath(), { args, cwd, env: { NO_COLOR: "1" } });
  const { code, stderr } = await command.output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
}

async function copyFolder(from: URL, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    const source = new URL(isDirectory ? `${name}/` : name, from);
    if (isDirectory) await copyFolder(source, join(to, name));
    else await Deno.copyFile(source, join(to, name));
  }
}

/** Writes a line into a registry as its first entry, and the import of it. */
async function register(path: string, opening: RegExp, line: string): Promise<void> {
  const registry = await Deno.readTextFile(path);
  const extended = registry.replace(opening, (found) => `${found}\n  ${line.trim()}`);
  assert.notEqual(extended, registry, `${path} has its registry`);
  await Deno.writeTextFile(
    path,
    `import { rbla } from "./rbla.ts";\n${extended}`,
  );
}

Deno.test("docs/methods.md adds a method as it says: two files and two lines", async () => {
  const folder = await Deno.makeTempDir({ prefix: "hafl-methods-" });
  try {
    await copyFolder(new URL("src/protocol/", root), join(folder, "src/protocol"));
    await Deno.writeTextFile(join(folder, "deno.json"), "{}");
    const files = blocks.filter((code) => code.startsWith("// src/"));
    const [ruleLine, methodLine, ...others] = blocks.filter((code) => !code.startsWith("// src/"));
    assert.deepEqual([files.length, others.length], [2, 0]);
    for (const code of files) {
      const path = join(folder, code.slice(3, code.indexOf("\n")));
      assert.ok((await Deno.stat(dirname(path))).isDirectory);
      await Deno.writeTextFile(path, code);
    }
    const protocol = join(folder, "src/protocol");
    await register(join(protocol, "aggregate/mod.ts"), /const aggregationRules = \{/, ruleLine);
    await register(join(protocol, "methods/mod.ts"), /const namedMethods: .* = \[/, methodLine);
    await Deno.writeTextFile(join(folder, "round.ts"), round);
    await deno(folder, "run", "--check", "--no-lock", "-A", "round.ts");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
