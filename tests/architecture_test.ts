/** The house rules that a compiler does not know: which way imports point, what a browser can run, how kernels are written. */

import assert from "node:assert/strict";

const root = new URL("../", import.meta.url);

/** What each part may import beside itself. A part is a folder of src, or a folder or file of the repository. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  kernels: [],
  engine: ["kernels"],
  protocol: [],
  models: ["engine", "protocol"],
  weights: ["protocol"],
  data: ["protocol"],
  lora: ["engine", "models", "protocol", "weights"],
  federated: ["engine", "models", "protocol", "weights", "data", "lora"],
  generate: ["engine", "models", "protocol", "weights", "data", "lora"],
  pretrain: ["engine", "models", "protocol", "lora"],
  study: ["engine", "models", "protocol", "weights", "data", "lora", "federated"],
  // The version it prints stands in deno.json.
  cli: [
    "engine",
    "models",
    "protocol",
    "weights",
    "data",
    "lora",
    "federated",
    "generate",
    "pretrain",
    "study",
    "deno.json",
  ],
  // The version it tells stands in deno.json.
  server: ["protocol", "deno.json"],
};

/** Programs of this repository: nobody imports them, so the import map serves them. */
const programs: ReadonlySet<string> = new Set(["cli", "server"]);

/** A browser runs these: web APIs only. */
const webOnly = /^src\/(engine|protocol|models|weights|data|lora|federated|generate|pretrain)\//;

interface Import {
  readonly from: string;
  /** As written. */
  readonly specifier: string;
  /** Path in the repository; undefined for a package. */
  readonly to: string | undefined;
}

interface DenoInfo {
  readonly modules: readonly {
    readonly specifier: string;
    readonly error?: string;
    readonly dependencies?: readonly {
      readonly specifier: string;
      readonly code?: { readonly specifier?: string };
      readonly type?: { readonly specifier?: string };
    }[];
  }[];
}

function filesUnder(folder: string, ending: string): string[] {
  const found: string[] = [];
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(new URL(folder, root))];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  for (const { name, isDirectory } of entries) {
    if (isDirectory) found.push(...filesUnder(`${folder}${name}/`, ending));
    else if (name.endsWith(ending)) found.push(folder + name);
  }
  return found.sort();
}

function readText(path: string): string {
  return Deno.readTextFileSync(new URL(path, root));
}

function exists(path: string): boolean {
  return [...Deno.readDirSync(root)].some(({ name }) => name === path);
}

async function deno(...args: string[]): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), { args, cwd: root, env: { NO_COLOR: "1" } });
  const { code, stdout, stderr } = await command.output();
  assert.equal(code, 0, `deno ${args[0]} failed: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** A temporary module that imports `paths`, for commands that take one root. */
async function withEntry<T>(
  paths: readonly string[],
  use: (entry: string, folder: string) => Promise<T>,
): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    const entry = `${folder}/entry.ts`;
    const lines = paths.map((path) => `export * from ${JSON.stringify(new URL(path, root).href)};`);
    await Deno.writeTextFile(entry, lines.join("\n"));
    return await use(entry, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Every import of every module that `paths` reach, as `deno info` resolves them. */
async function importsOf(paths: readonly string[]): Promise<Import[]> {
  const config = new URL("deno.json", root).pathname;
  const output = await withEntry(
    paths,
    (entry) => deno("info", "--json", "--no-npm", "--no-lock", "--config", config, entry),
  );
  const { modules } = JSON.parse(output) as DenoInfo;
  const inRepository = (specifier: string | undefined): string | undefined =>
    specifier?.startsWith(root.href) ? specifier.slice(root.href.length) : undefined;
  return modules.flatMap(({ specifier, dependencies = [] }) => {
    const from = inRepository(specifier);
    if (from === undefined) return [];
    return dependencies.map((dependency): Import => ({
      from,
      specifier: dependency.specifier,
      to: inRepository(dependency.code?.specifier ?? dependency.type?.specifier),
    }));
  });
}

function partOf(path: string): string {
  const [first, second] = path.split("/");
  return first === "src" ? second : first;
}

/** Imports against the arrows, as sentences. */
function wrongImports(imports: readonly Import[]): string[] {
  return imports.flatMap(({ from, to }) => {
    const allowed = arrows[partOf(from)];
    if (to === undefined || allowed === undefined) return [];
    const part = partOf(to);
    return part === partOf(from) || allowed.includes(part) ? [] : [`${from} imports ${to}`];
  });
}

/** A module and all that it imports, directly or not. */
function reachedFrom(start: string, imports: readonly Import[]): Set<string> {
  const reached = new Set([start]);
  // A set hands out what is added while it is walked.
  for (const path of reached) {
    for (const { from, to } of imports) if (from === path && to !== undefined) reached.add(to);
  }
  return reached;
}

/** Code without its comments. Good enough to search for names; not a parser. */
function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[^:])\/\/.*$/gm, "$1");
}

/** Package specifiers in quotation marks that name no exact version. */
function looseVersions(code: string): string[] {
  const specifiers = [...withoutComments(code).matchAll(/["'`]npm:([^"'`]+)["'`]/g)].map((
    [, name],
  ) => name);
  return specifiers.filter((name) =>
    !/^(@[^/@]+\/)?[^/@]+@\d+\.\d+\.\d+(-[\w.]+)?(\/|$)/.test(name)
  );
}

/** Variables of functions that a loop would not reset: naga keeps the old value where there is no initializer. */
function bareVariables(wgsl: string): string[] {
  const declarations = withoutComments(wgsl).matchAll(
    /\bvar(?:\s*<\s*function\s*>)?\s+(\w+)\s*(?::[^=;]*)?;/g,
  );
  return [...declarations].map(([, name]) => name);
}

const sources = [...filesUnder("src/", ".ts"), ...filesUnder("server/", ".ts")];
const kernels = filesUnder("kernels/", ".wgsl");
const imports = await importsOf(exists("mod.ts") ? [...sources, "mod.ts"] : sources);

Deno.test("imports point one way", () => {
  assert.ok(imports.length > 100, "deno info found the imports");
  assert.deepEqual(wrongImports(imports), []);
  const unknown = sources.map(partOf).filter((part) => !Object.hasOwn(arrows, part));
  assert.deepEqual([...new Set(unknown)], [], "every part has its arrows");
});

Deno.test("the server reaches no engine, no model and no tokenizer", async () => {
  const reached = reachedFrom("server/main.ts", await importsOf(["server/main.ts"]));
  assert.ok(reached.size > 50, "deno info found the server");
  const parts = new Set([...reached].map(partOf));
  assert.deepEqual([...parts].sort(), ["deno.json", "protocol", "server"]);
  const packages = (await importsOf(["server/main.ts"])).map(({ specifier }) => specifier);
  assert.deepEqual(packages.filter((name) => name.includes("transformers")), []);
});

Deno.test("wrongImports() names an import that points the wrong way", () => {
  const edge = (from: string, to: string): Import => ({ from, specifier: "", to });
  const wrong = wrongImports([
    edge("src/engine/op.ts", "src/protocol/errors.ts"),
    edge("src/lora/load.ts", "src/engine/device.ts"),
    edge("src/protocol/bank.ts", "src/cli/units.ts"),
    edge("server/main.ts", "src/models/mod.ts"),
  ]);
  assert.deepEqual(wrong, [
    "src/engine/op.ts imports src/protocol/errors.ts",
    "src/protocol/bank.ts imports src/cli/units.ts",
    "server/main.ts imports src/models/mod.ts",
  ]);
});

Deno.test("what a browser will run names no platform of its own", () => {
  const web = sources.filter((path) => webOnly.test(path));
  const named = web.filter((path) => /\bDeno\b|["'`]node:/.test(withoutComments(readText(path))));
  assert.deepEqual(named, []);
});

Deno.test("withoutComments() keeps code and web addresses", () => {
  const code = 'a; // Deno\n/* Deno\n */ fetch("https://b"); // node:fs';
  assert.equal(withoutComments(code).replace(/\s+/g, " ").trim(), 'a; fetch("https://b");');
});

Deno.test("the client's round bundles for a browser", async () => {
  const client = [
    "src/lora/session.ts",
    "src/engine/webgpu/device.ts",
    "src/engine/cpu/device.ts",
    "src/protocol/mod.ts",
    "src/federated/client_round.ts",
    "src/federated/remote/client_loop.ts",
    "src/federated/remote/connection.ts",
  ];
  const bundle = await withEntry(client, async (entry, folder) => {
    const output = `${folder}/client.js`;
    await deno("bundle", "--platform", "browser", "--no-lock", "-o", output, entry);
    return await Deno.readTextFile(output);
  });
  assert.ok(bundle.includes("requestAdapter"), "the bundle holds the engine");
  assert.doesNotMatch(bundle, /\bDeno\b|["'`](node|npm):/);
});

Deno.test("a client over HTTP loads no package to aggregate with", () => {
  const reached = reachedFrom("src/federated/remote/client_federation.ts", imports);
  assert.ok(reached.has("src/federated/run_setup.ts"), "deno info found the client");
  assert.ok(!reached.has("src/protocol/aggregate/load_aggregator.ts"));
});

Deno.test("packages have exact versions, written out where other projects import them", () => {
  const files = [...sources, "deno.json"];
  const loose = files.flatMap((path) =>
    looseVersions(readText(path)).map((specifier) => `${path}: npm:${specifier}`)
  );
  assert.deepEqual(loose, []);
  const exported = reachedFrom("mod.ts", imports);
  const bare = imports.filter(({ from, specifier }) =>
    (!programs.has(partOf(from)) || exported.has(from)) && !/^(\.|npm:)/.test(specifier)
  );
  assert.deepEqual(bare.map(({ from, specifier }) => `${from} imports "${specifier}"`), []);
});

Deno.test("looseVersions() finds ranges and missing versions", () => {
  const code = 'import "npm:a@1.2.3"; import "npm:@b/c@1.2.3/d"; import "npm:e@^1.0.0"; ' +
    "import 'npm:f'; import \"npm:@g/h@1\"; import 'npm:i@1.0.0-rc.1';";
  assert.deepEqual(looseVersions(code), ["e@^1.0.0", "f", "@g/h@1"]);
});

Deno.test("every kernel is imported by the operation or the measurement it serves", () => {
  assert.ok(kernels.length > 20, "kernels were found");
  const imported = new Set(
    imports.filter(({ from }) => /^src\/engine\/(ops|profile)\//.test(from)).map(({ to }) => to),
  );
  assert.deepEqual(kernels.filter((path) => !imported.has(path)), []);
});

Deno.test("every variable of a kernel's functions has an initializer", () => {
  const bare = kernels.flatMap((path) =>
    bareVariables(readText(path)).map((name) => `${path}: ${name}`)
  );
  assert.deepEqual(bare, []);
});

Deno.test("bareVariables() finds declarations without a value, and only in functions", () => {
  const wgsl = "var<workgroup> tile: array<f32, 64>;\n" +
    "@group(0) @binding(0) var<storage, read> x: array<f32>;\n" +
    "fn main() { var a: f32; var b = 1.0; var c: vec4f = vec4f(); var d : array<f32,\n 4>; // var e: f32;\n" +
    "var<function> f: u32; }";
  assert.deepEqual(bareVariables(wgsl), ["a", "d", "f"]);
});

Deno.test("the program knows nothing that lies outside the repository", () => {
  const outside = [...sources, ...kernels].filter((path) => /\bshared\//.test(readText(path)));
  assert.deepEqual(outside, []);
});

Deno.test("deno.lock leaves the large tokenizer package to those who ask for it", () => {
  const lock = exists("deno.lock") ? readText("deno.lock") : "";
  assert.ok(!lock.includes("@huggingface/transformers"), "500 MB for everyone");
});
