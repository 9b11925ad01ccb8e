/**
 * From a command line and a configuration file to checked settings.
 *
 * Precedence: flags, then the file of `--config`, then the defaults of `completeRunConfig`.
 *
 * @module
 */
import { Command, CommanderError, Option } from "commander";
import project from "../../deno.json" with { type: "json" };
import { UserError } from "../protocol/errors.ts";
import { methodNamed, namedMethods } from "../protocol/methods/mod.ts";
import { readConfigFile } from "./config_file.ts";
import { accept, readSettings, suggestion } from "../federated/read_settings.ts";
import { defaultConfig, type RunConfig } from "../federated/run_config.ts";
import type { Kind } from "../federated/setting_kinds.ts";
import { flagName, settingText } from "../federated/setting_text.ts";
import { type SettingKey, settingKeys, settings, topics } from "../federated/settings.ts";

/** What a command is called, says of itself and which settings it takes. */
export interface CommandDescription {
  readonly name: string;
  readonly summary: string;
  /** Settings that are flags of this command; all of the table when absent. Without any there is no `--config` either. */
  readonly settings?: readonly SettingKey[];
  /** Lines of help, where a setting is something else here than in training. */
  readonly help?: Readonly<Partial<Record<SettingKey, string>>>;
  /** Flags of the command's own; one may take the place of a setting's. */
  readonly options?: readonly Option[];
  /** Settings that a file may hold too, though a flag of the command's own takes their place on the command line. */
  readonly fileSettings?: readonly SettingKey[];
  /** Words it takes, as commander writes them: "<run>". */
  readonly words?: readonly string[];
}

/** What a command line says. */
export interface GivenFlags {
  /** The table's settings, checked. */
  readonly settings: Partial<RunConfig>;
  /** The command's own flags by name in camelCase, as they were written; undefined where not given. */
  readonly own: Readonly<Record<string, string | boolean | undefined>>;
  /** The words, as many as the description has. */
  readonly words: readonly string[];
}

/**
 * Reads a command line: the settings it gives itself and those in its `--config` file, without defaults.
 *
 * `completeRunConfig` adds the defaults; on `--resume` the saved run does (`resumedConfig`).
 *
 * @param args the words after the command's name, as in Deno.args
 * @throws UserError for an unknown flag or key and for a value that is not allowed
 * @throws CommanderError with exit code 0 after printing for --help and --version (runCommand ends quietly)
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { readCommandLine } from "./flags.ts";
 * const command = { name: "train", summary: "Train a federation" };
 * const given = await readCommandLine(["--ranks", "2,4", "--method", "ITZLoRA"], command);
 * assert.deepEqual(given, { ranks: [2, 4], method: "truncate", aggregation: "zero-pad" });
 * ```
 */
export async function readCommandLine(
  args: readonly string[],
  description: CommandDescription,
): Promise<Partial<RunConfig>> {
  return (await readFlags(args, description)).settings;
}

/** Reads a command line that has flags of its own, as {@linkcode readCommandLine} does. */
export async function readFlags(
  args: readonly string[],
  description: CommandDescription,
): Promise<GivenFlags> {
  const command = createCommand(description);
  const { config, ...flags } = parse(command, args);
  const names = new Set(description.options?.map((option) => option.attributeName()));
  const file = config === undefined ? {} : await readConfigFile(config);
  checkFile(file, config, description, names);
  const fromFile = readSettings(file, (key) => `"${key}" in ${config}`);
  const own: Record<string, string | boolean> = {};
  const raw: Record<string, unknown> = {};
  for (const [key, given] of Object.entries(flags)) {
    if (typeof given === "string" && given.startsWith("--")) {
      throw new UserError(`Cannot use ${flagName(key)}: expected a value, got the flag ${given}`);
    }
    if (names.has(key)) own[key] = given;
    else {
      raw[key] = typeof given === "boolean"
        ? given
        : settings[key as SettingKey].kind.fromText(given);
    }
  }
  const kept = raw.method === undefined ? fromFile : withoutMethod(file, fromFile);
  return { settings: { ...kept, ...readSettings(raw, flagName) }, own, words: command.args };
}

/** Refuses what would be passed over: a setting of training that a flag of the command's own has the name of. */
function checkFile(
  file: Readonly<Record<string, unknown>>,
  path: string | undefined,
  { name, settings = settingKeys, fileSettings = [] }: CommandDescription,
  own: ReadonlySet<string>,
): void {
  const read = new Set<string>([...settings, ...fileSettings]);
  const passed = Object.keys(file).find((key) => own.has(key) && !read.has(key));
  if (passed === undefined) return;
  throw new UserError(
    `Cannot use "${passed}" in ${path}: ${name} takes it on the command line alone, as ${
      flagName(passed)
    }`,
  );
}

/** A file's settings without what its method's name stood for: a flag names another. */
function withoutMethod(
  file: Readonly<Record<string, unknown>>,
  checked: Partial<RunConfig>,
): Partial<RunConfig> {
  const named = methodNamed(file.method)?.settings ?? {};
  return Object.fromEntries(
    Object.entries(checked).filter(([key]) =>
      Object.hasOwn(file, key) || !Object.hasOwn(named, key)
    ),
  );
}

/**
 * The checked value of one of a command's own flags, by its name in camelCase; undefined where it was not given.
 *
 * @throws UserError when it is not what it should be.
 */
export function readOwnFlag<Value>(
  own: GivenFlags["own"],
  key: string,
  kind: Kind<Value>,
): Value | undefined {
  const text = own[key];
  return text === undefined ? undefined : accept(kind, kind.fromText(String(text)), flagName(key));
}

/**
 * A commander command with this project's ways: flags from the table grouped by topic, `--config`,
 * `--version`, and errors thrown instead of printed.
 */
export function createCommand(description: CommandDescription): Command {
  const command = new Command(description.name)
    .description(description.summary)
    .version(`${project.name} ${project.version}`, "--version", "print the version")
    .helpOption("-h, --help", "print this help")
    .allowExcessArguments(false)
    .exitOverride()
    .configureHelp({ helpWidth: 100 })
    // The error is thrown; printing it is runCommand's part.
    .configureOutput({ outputError: () => {} });
  const keys = description.settings ?? settingKeys;
  for (const topic of topics) {
    for (const key of keys) {
      if (!topic.keys.includes(key)) continue;
      for (const option of optionsOf(key, description.help?.[key])) {
        command.addOption(option.helpGroup(`${topic.name}:`));
      }
    }
  }
  for (const word of description.words ?? []) command.argument(word);
  for (const option of description.options ?? []) command.addOption(option);
  if (keys.includes("method")) command.addHelpText("after", methodsText());
  if (keys.length === 0) return command;
  command.addOption(
    new Option("--config <file>", "JSON file of settings, named as the flags in camelCase")
      .helpGroup("Run:"),
  );
  return command;
}

/** The methods by name, as they follow the flags in the help text. */
function methodsText(): string {
  const width = Math.max(...namedMethods.map(({ name }) => name.length));
  const lines = namedMethods.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return ["", "Methods by name, for --method (docs/methods.md):", ...lines].join("\n");
}

type FlagValues = { readonly config?: string } & Readonly<Record<string, string | boolean>>;

function parse(command: Command, args: readonly string[]): FlagValues {
  try {
    command.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const flag = /'(.*)'/.exec(error.message)?.[1] ?? "";
    if (error.code === "commander.missingMandatoryOptionValue") {
      throw new UserError(`Cannot use ${command.name()} without ${flag}: see --help`);
    }
    if (error.code !== "commander.unknownOption") throw error;
    const known = command.options.map((option) => option.long ?? "");
    throw new UserError(`Unknown flag "${flag}"${suggestion(flag, known, "see --help")}`);
  }
  return command.opts<FlagValues>();
}

/** Where alone a setting has an effect, as far as it is said in few words: what a method's name settles is for docs/methods.md. */
function conditionTexts(key: SettingKey): string[] {
  return Object.entries(settings[key].only ?? {})
    .filter(([other, needed]) => other !== "pooled" && needed.length <= 2 && other !== "method")
    .map(([other, needed]) => `with ${flagName(other)} ${needed.join(" or ")}`);
}

function optionsOf(key: SettingKey, line = settings[key].help): Option[] {
  const { kind } = settings[key];
  const flag = flagName(key);
  const help = [line, ...conditionTexts(key)].join("; ");
  const byDefault = key in defaultConfig
    ? defaultConfig[key as keyof typeof defaultConfig]
    : undefined;
  if (kind.placeholder !== "") {
    const told = byDefault === null || byDefault === undefined || help.includes("(default: ");
    const text = told ? help : `${help} (default: ${settingText(byDefault)})`;
    return [new Option(`${flag} ${kind.placeholder}`, text)];
  }
  // A switch can be turned back on the command line when a file has turned it; help shows the useful side.
  const on = new Option(flag, help);
  const off = new Option(flag.replace("--", "--no-"), `do not ${help}`);
  return byDefault === true ? [on.hideHelp(), off] : [on, off.hideHelp()];
}
