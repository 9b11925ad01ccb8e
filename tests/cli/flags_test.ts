import assert from "node:assert/strict";
import { CommanderError, Option } from "commander";
import { commandEnd } from "../../src/cli/errors.ts";
import { createCommand, readCommandLine, readFlags } from "../../src/cli/flags.ts";
import { completeRunConfig } from "../../src/federated/complete_run_config.ts";
import { defaultConfig, type RunConfig } from "../../src/federated/run_config.ts";
import { flagName } from "../../src/federated/setting_text.ts";
import { type SettingKey, settingKeys } from "../../src/federated/settings.ts";
import { UserError } from "../../src/protocol/errors.ts";
import { namedMethods } from "../../src/protocol/methods/mod.ts";

const train = { name: "train", summary: "Train a federation." };
const read = (line: string): Promise<Partial<RunConfig>> =>
  readCommandLine(line.split(" ").filter((word) => word !== ""), train);

async function configFile(content: string): Promise<string> {
  const path = await Deno.makeTempFile({ suffix: ".json" });
  await Deno.writeTextFile(path, content);
  return path;
}

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
  const other = await configFile('{ "method": "ffa", "warmupRounds": 3 }');
  assert.deepEqual(
    await read(`--config ${other} --method fedit`),
    { method: "full", aggregation: "fedit", warmupRounds: 3 },
    "the factors of ffa go with its name, what the file itself says stays",
  );
  const contrary = await configFile('{ "method": "ffa", "factors": "both" }');
  await assert.rejects(read(`--config ${contrary}`), {
    message: `Cannot use "factors" in ${contrary} with method ffa: expected b, which the name ` +
      'stands for, got "both"',
  });
});

Deno.test("readFlags() refuses in a file what only a flag of the command's own is", async () => {
  const options = [new Option("--batch <count>"), new Option("--ranks <policy>")];
  const command = { ...train, name: "pretrain", settings: ["seed" as const], options };
  const readFile = async (text: string) =>
    await readFlags(["--config", await configFile(text)], { ...command, fileSettings: ["ranks"] });
  await assert.rejects(readFile('{ "seed": 1, "batch": 64 }'), {
    name: "UserError",
    message: /^Cannot use "batch" in .*: pretrain takes it on the command line alone, as --batch$/,
  });
  const { settings } = await readFile('{ "seed": 1, "rounds": 2, "ranks": [2] }');
  assert.deepEqual(
    settings,
    { seed: 1, rounds: 2, ranks: [2] },
    "another command's may stand in it",
  );
});

Deno.test("readFlags() names a flag that a command cannot do without", async () => {
  const options = [new Option("--out <folder>", "the folder to make").makeOptionMandatory()];
  await assert.rejects(readFlags([], { ...train, settings: [], options }), {
    name: "UserError",
    message: "Cannot use train without --out <folder>: see --help",
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
    "--lr 1e999": "Cannot use --lr: expected a number above 0, got Infinity",
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

Deno.test("createCommand() says of a setting what it is in this command", () => {
  const help = { seed: "decides what is drawn", out: "folder of the shares (default: shares)" };
  const described = { ...train, settings: ["seed", "out", "rounds"] as const, help };
  const text = createCommand(described).helpInformation();
  assert.match(text, /--seed <n> +decides what is drawn \(default: 1\)$/m);
  assert.match(text, /--out <folder> +folder of the shares \(default: shares\)$/m);
  assert.ok(text.includes(`rounds of training and aggregation (default: ${defaultConfig.rounds})`));
});

Deno.test("createCommand() tells every setting of the table in its help", () => {
  const help = createCommand(train).helpInformation();
  for (const key of settingKeys) {
    const flag = flagName(key satisfies SettingKey);
    const isOn = (defaultConfig as Readonly<Record<string, unknown>>)[key] === true;
    assert.ok(help.includes(`  ${isOn ? flag.replace("--", "--no-") : flag}`), flag);
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
