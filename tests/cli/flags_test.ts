import assert from "node:assert/strict";
import { CommanderError, Option } from "commander";
import fc from "fast-check";
import { commandEnd } from "../../src/cli/errors.ts";
import { createCommand, readCommandLine, readFlags } from "../../src/cli/flags.ts";
import {
  completeRunConfig,
  defaultConfig,
  flagName,
  resumedConfig,
  type RunConfig,
  settingText,
} from "../../src/federated/run_config.ts";
import { readSettings } from "../../src/federated/read_settings.ts";
import { type SettingKey, settingKeys, settings } from "../../src/federated/settings.ts";
import { UserError } from "../../src/protocol/errors.ts";
import { methodNamed, namedMethods } from "../../src/protocol/methods/mod.ts";

const train = { name: "train", summary: "Train a federation." };
const read = (line: string): Promise<Partial<RunConfig>> =>
  readCommandLine(line.split(" ").filter((word) => word !== ""), train);

async function configFile(content: string): Promise<string> {
  const path = await Deno.makeTempFile({ suffix: ".json" });
  await Deno.writeTextFile(path, content);
  return path;
}

Deno.test("settings holds every key of a complete configuration, and no other", () => {
  assert.deepEqual([...settingKeys].sort(), Object.keys(completeRunConfig({})).sort());
});

Deno.test("settings accepts every default, as a value and as a flag's text", () => {
  for (const key of Object.keys(defaultConfig) as (keyof typeof defaultConfig)[]) {
    const value = defaultConfig[key];
    const { kind } = settings[key];
    assert.deepEqual(kind.check(value), value, key);
    const empty = value === null || (Array.isArray(value) && value.length === 0);
    if (!empty) assert.deepEqual(kind.check(kind.fromText(settingText(value))), value, key);
  }
});

Deno.test("readCommandLine() gives what was typed and no defaults", async () => {
  assert.deepEqual(await read("--ranks 2,4,8 --lr 1e-2 --no-eval-test --strip headers,quotes"), {
    ranks: [2, 4, 8],
    lr: 0.01,
    evalTest: false,
    strip: ["headers", "quotes"],
  });
  assert.deepEqual(await read(""), {});
});

Deno.test("readCommandLine() prefers flags to the file, and the file to defaults", async () => {
  const path = await configFile('{ "rounds": 3, "batch": 8, "model": null, "evalTest": false }');
  const given = await read(`--config ${path} --rounds 5 --eval-test`);
  const config = completeRunConfig(given);
  assert.deepEqual(
    [config.rounds, config.batch, config.clients, config.evalTest],
    [5, 8, 10, true],
  );
});

Deno.test("readCommandLine() puts for a method's name what it stands for, in flags and files", async () => {
  for (const { name, settings } of namedMethods) {
    assert.deepEqual(await read(`--method ${name}`), settings);
  }
  assert.deepEqual(await read("--method hetlora --score magnitude --warmup-rounds 0"), {
    method: "truncate",
    aggregation: "hetlora",
    selection: "first",
    warmupRounds: 0,
    score: "magnitude",
  });
  const path = await configFile('{ "method": "IFALoRA" }');
  assert.deepEqual(await read(`--config ${path} --aggregation zero-delta`), {
    method: "freeze",
    aggregation: "zero-delta",
  });
  await assert.rejects(read("--method IFALoRA --aggregation fedit"), {
    message: "Cannot use --aggregation with method IFALoRA: expected adaptive, which the name " +
      'stands for, got "fedit"',
  });
  await assert.rejects(read("--method flexlora --warmup-rounds 2"), {
    message: "Cannot use --warmup-rounds with method flexlora: expected 0, which the name stands " +
      "for, got 2",
  });
  const contrary = await configFile('{ "method": "ffa", "factors": "both" }');
  await assert.rejects(read(`--config ${contrary}`), {
    message: `Cannot use "factors" in ${contrary} with method ffa: expected b, which the name ` +
      'stands for, got "both"',
  });
});

Deno.test("readCommandLine() refuses what is not allowed and names what is", async () => {
  const expected: Record<string, string> = {
    "--ronds 3": 'Unknown flag "--ronds": did you mean "--rounds" or "--ranks"?',
    "--zzz": 'Unknown flag "--zzz": see --help',
    "--rounds 0": "Cannot use --rounds: expected a whole number of at least 1, got 0",
    "--rounds 2.5": "Cannot use --rounds: expected a whole number of at least 1, got 2.5",
    "--rounds many": 'Cannot use --rounds: expected a whole number of at least 1, got "many"',
    "--rounds 0x10": 'Cannot use --rounds: expected a whole number of at least 1, got "0x10"',
    "--rounds -1": "Cannot use --rounds: expected a whole number of at least 1, got -1",
    "--participation 0":
      "Cannot use --participation: expected a number above 0 and of at most 1, " +
      "got 0",
    "--dropouts 1": "Cannot use --dropouts: expected a number of at least 0 and below 1, got 1",
    "--server-optimizer sgd": "Cannot use --server-optimizer: expected one of none, momentum, " +
      'adam, got "sgd"',
    "--lr 0": "Cannot use --lr: expected a number above 0, got 0",
    "--beta1 1": "Cannot use --beta1: expected a number of at least 0 and below 1, got 1",
    "--ranks 2,0": "Cannot use --ranks: expected a list, each a whole number of at least 1, " +
      "got [2,0]",
    "--device gpu": "Cannot use --device: expected one of auto, webgpu, cpu, " +
      'got "gpu" (did you mean "cpu"?)',
    "--seed --rounds": "Cannot use --seed: expected a value, got the flag --rounds",
    "--targets (": "Cannot use --targets: expected a regular expression or names parted by " +
      'commas, got "("',
  };
  for (const [line, message] of Object.entries(expected)) {
    await assert.rejects(read(line), (error) => {
      assert.ok(error instanceof UserError, line);
      assert.equal(error.message, message);
      return true;
    });
  }
});

Deno.test("readCommandLine() names the file and the key of a mistake in a file", async () => {
  const misnamed = await configFile('{ "localStep": 3 }');
  await assert.rejects(read(`--config ${misnamed}`), {
    message: `Unknown setting "localStep" in ${misnamed}: did you mean "localSteps"?`,
  });
  const text = await configFile('{ "rounds": "3" }');
  await assert.rejects(read(`--config ${text}`), {
    message: `Cannot use "rounds" in ${text}: expected a whole number of at least 1, got "3"`,
  });
  const array = await configFile("[1]");
  await assert.rejects(read(`--config ${array}`), {
    message: `Cannot read configuration "${array}": expected a JSON object, got an array`,
  });
  const inherited = await configFile('{ "toString": 1 }');
  await assert.rejects(read(`--config ${inherited}`), /Unknown setting "toString"/);
  await assert.rejects(read("--config /nowhere.json"), {
    message: 'Cannot read configuration "/nowhere.json": no such file',
  });
  await assert.rejects(read(`--config ${await configFile("{")}`), UserError);
});

Deno.test("readSettings() gives back any number a setting allows", () => {
  fc.assert(fc.property(fc.integer({ min: 1 }), (rounds) => {
    const raw = { rounds: settings.rounds.kind.fromText(String(rounds)) };
    assert.deepEqual(readSettings(raw, flagName), { rounds });
  }));
});

Deno.test("readFlags() parts a command's own flags and words from the table's settings", async () => {
  const description = {
    ...train,
    settings: ["rounds"] as const,
    options: [new Option("--ranks <policy>", "how ranks are settled"), new Option("--now", "")],
    words: ["<run>"],
  };
  assert.deepEqual(await readFlags(["r7", "--ranks", "stated", "--rounds=3"], description), {
    settings: { rounds: 3 },
    own: { ranks: "stated" },
    words: ["r7"],
  });
  assert.deepEqual((await readFlags(["r7", "--now"], description)).own, { now: true });
  await assert.rejects(readFlags([], description), /missing required argument 'run'/);
  await assert.rejects(readFlags(["r7", "r8"], description), CommanderError);
  await assert.rejects(readFlags(["r7", "--ranks", "--now"], description), {
    message: "Cannot use --ranks: expected a value, got the flag --now",
  });
});

Deno.test("createCommand() of a command without settings takes no file of them", () => {
  const command = createCommand({
    ...train,
    settings: [],
    options: [new Option("--server <url>")],
  });
  assert.deepEqual(command.options.map(({ long }) => long).sort(), ["--server", "--version"]);
});

Deno.test("createCommand() makes flags of the named settings only", () => {
  const command = createCommand({ ...train, settings: ["clients", "seed"] });
  const flags = command.options.map((option) => option.long);
  assert.deepEqual(flags.sort(), ["--clients", "--config", "--seed", "--version"]);
});

Deno.test("createCommand() tells every setting of the table in its help", () => {
  const help = createCommand(train).helpInformation();
  for (const key of settingKeys) {
    const flag = key === "evalTest" ? "--no-eval-test" : flagName(key satisfies SettingKey);
    assert.ok(help.includes(`  ${flag}`), flag);
  }
});

Deno.test("completeRunConfig() derives rank, buckets, threads and folder", () => {
  const surroundings = { threads: 3, now: new Date(2025, 2, 1, 14, 25, 30) };
  const config = completeRunConfig({ ranks: [2, 6], seqLen: 33 }, surroundings);
  assert.equal(config.rank, 6);
  assert.deepEqual(config.buckets, [17, 33]);
  assert.equal(config.threads, 3);
  assert.equal(config.out, "runs/2025-03-01-142530");
  assert.deepEqual(completeRunConfig({ seqLen: 1 }).buckets, [1]);
  assert.equal(completeRunConfig({ buckets: [128, 32] }).seqLen, 128);
});

Deno.test("completeRunConfig() accepts one client at one rank", () => {
  assert.equal(completeRunConfig({ clients: 1, ranks: [8] }).rank, 8);
});

Deno.test("completeRunConfig() refuses settings that contradict each other", () => {
  const [flora, local] = ["flora", "local"].map((name) => methodNamed(name)!.settings);
  const expected: [Partial<RunConfig>, RegExp][] = [
    [{ ranks: [2, 16], rank: 8 }, /client rank 16 .*at most the server's rank, 8/],
    [{ clients: 2, ranks: [2, 4, 8] }, /deal 3 ranks .* over 2 clients/],
    [{ aggregation: "fedit" }, /freeze \+ fedit: expected every client at rank 8, got rank 2/],
    [{ method: "full" }, /full \+ adaptive: .* \(--ranks 2,4,8\); use --ranks 8$/],
    [{ aggregation: "flexlora", factors: "b" }, /flexlora with factors b: expected both/],
    [{ aggregation: "flexlora", serverOptimizer: "adam" }, /adam with aggregation flexlora/],
    [{ selection: "first", scope: "global" }, /first with scope global: expected scope module/],
    [{ buckets: [16, 32], seqLen: 64 }, /longest to be --seq-len 64, got 32/],
    [{ revision: "main" }, /--revision without --model/],
    [{ method: "head", factors: "b" }, /--factors b with --method head: no component is trained/],
    [{ aggregation: "flora" }, /--method freeze with --aggregation flora: expected truncate, as/],
    [{ ...flora, selection: "greedy" }, /selection greedy .* flora: expected first, as --method/],
    [{ ...flora, warmupRounds: 1 }, /--warmup-rounds 1 with --aggregation flora: expected 0/],
    [{ ...flora, rankBy: "client" }, /--rank-by client with --aggregation flora: expected server/],
    [
      { ...flora, optimizerState: "keep" },
      /keep .* flora: expected reset, as every round trains a/,
    ],
    [{ ...flora, baseDtype: "f16" }, /--base-dtype f16 with --aggregation flora: expected f32/],
    [{ ...flora, factors: "b" }, /aggregation flora with factors b: expected both/],
    [{ ...flora, serverOptimizer: "adam" }, /server optimizer adam with aggregation flora/],
    [{ ...local, method: "freeze" }, /--method freeze with --aggregation local: expected truncate/],
    [{ ...local, rankBy: "client" }, /--rank-by client with --aggregation local: expected server/],
    [{ ...local, serverOptimizer: "adam" }, /adam .* local: expected none, as nothing is combined/],
    [{ ...local, dropouts: 0.1 }, /--dropouts 0\.1 .* local: expected 0, as nothing is sent/],
    [{ ...local, stragglers: 0.1 }, /--stragglers 0\.1 .* local: expected 0, as nothing is sent/],
    [{ ...local, proximal: 1 }, /--proximal 1 .* local: expected 0, as nothing is received/],
  ];
  for (const [given, message] of expected) {
    assert.throws(
      () => completeRunConfig(given),
      (error) => error instanceof UserError && message.test(error.message),
      JSON.stringify(given),
    );
  }
  const fedit = completeRunConfig({ aggregation: "fedit", method: "full", ranks: [2] });
  assert.equal(fedit.rank, 2);
});

Deno.test("completeRunConfig() pools a federation into one client that takes everyone's steps", () => {
  const { settings } = methodNamed("centralised")!;
  const config = completeRunConfig({
    ...settings,
    clients: 10,
    participation: 0.5,
    dropouts: 0.1,
    localSteps: 4,
    ranks: [2, 4],
    partition: "shards",
  });
  const { clients, localSteps, ranks, rank, partition, participation, dropouts } = config;
  assert.deepEqual([clients, ranks, rank, partition], [1, [4], 4, "iid"]);
  assert.equal(localSteps, 5 * 4, "of the clients that a round would sample");
  assert.deepEqual([participation, dropouts], [1, 0]);
  assert.deepEqual(completeRunConfig(config), config, "what is pooled stays so");
  assert.deepEqual(completeRunConfig({ ...settings, rank: 16 }).ranks, [16]);
});

Deno.test("resumedConfig() keeps the run's settings and takes what may change", () => {
  const saved = completeRunConfig({ seed: 7, rounds: 10, out: "runs/old" });
  const config = resumedConfig(saved, { resume: "runs/moved", rounds: 20, seed: 7 });
  assert.deepEqual(
    [config.seed, config.rounds, config.out, config.resume],
    [7, 20, "runs/moved", "runs/moved"],
  );
});

Deno.test("resumedConfig() refuses to change what the run is", () => {
  const saved = completeRunConfig({ schedule: "linear", out: "a" });
  const refused: [Partial<RunConfig>, RegExp][] = [
    [{ seed: 2 }, /Cannot change --seed on --resume: the run was started with 1, got 2/],
    [{ baseDtype: "f16" }, /Cannot change --base-dtype on --resume: .* with f32, got f16/],
    [{ ranks: [8] }, /Cannot change --ranks .* started with 2,4,8, got 8/],
    [{ rounds: 40 }, /linear schedule spans 20 rounds, got 40/],
    [{ overwrite: true }, /--overwrite with --resume/],
    [{ out: "b" }, /Cannot change --out/],
  ];
  for (const [given, message] of refused) {
    assert.throws(() => resumedConfig(saved, { resume: "a", ...given }), message);
  }
});

Deno.test("commandEnd() makes a user's mistake one line and exit code 2", () => {
  assert.deepEqual(commandEnd(new UserError("Cannot read:\n  line two")), {
    code: 2,
    text: "error: Cannot read: line two",
  });
  assert.deepEqual(commandEnd(new CommanderError(1, "code", "error: too many\narguments")), {
    code: 2,
    text: "error: Too many arguments",
  });
});

Deno.test("commandEnd() ends quietly after help, and with the stack after a fault", () => {
  assert.deepEqual(commandEnd(new CommanderError(0, "commander.help", "")), { code: 0, text: "" });
  const end = commandEnd(new RangeError("inner"));
  assert.equal(end.code, 1);
  assert.match(end.text, /RangeError: inner\n\s+at /);
});
