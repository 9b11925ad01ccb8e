/** Flags of `deno task pretrain`, beside those it shares with other commands. @module */

import { Option } from "commander";
import { defaultConfig } from "../../federated/run_config.ts";
import type { Kind } from "../../federated/setting_kinds.ts";
import { choice, number, text, whole } from "../../federated/setting_kinds.ts";
import { UserError } from "../../protocol/errors.ts";
import type { GivenFlags } from "../flags.ts";

/** What is predicted. */
export const objectiveNames = ["masked", "next"] as const;

/** A flag. */
export interface Flag {
  readonly name: string;
  /** Its field in pretrain.json where that has a name of its own. */
  readonly field?: "tokens";
  readonly kind: Kind<unknown>;
  readonly help: string;
  readonly group: "Corpus" | "Model" | "Training" | "Run";
  /** Where it is not given; undefined where a rule of config.ts fills it. */
  readonly default?: unknown;
  /** May be given with --resume. */
  readonly resumable?: boolean;
}

const count = whole({ least: 1 });

/** The flags with a value of their own; `--corpus` takes several files. */
export const flags: readonly Flag[] = [
  {
    name: "text-column",
    kind: text("<name>"),
    help: "field of a .jsonl line that holds the text",
    group: "Corpus",
    default: "text",
  },
  {
    name: "tokenizer",
    kind: text("<folder>"),
    help: "folder with tokenizer.json and tokenizer_config.json",
    group: "Corpus",
  },
  {
    name: "vocabulary",
    kind: count,
    help: "cut a WordPiece vocabulary to this many tokens (default: leave it whole)",
    group: "Corpus",
    default: null,
  },
  {
    name: "licence",
    kind: text("<text>"),
    help: "licence of the texts, for the model's card",
    group: "Corpus",
    default: "unknown",
  },
  {
    name: "objective",
    kind: choice(objectiveNames),
    help: "masked: an encoder (BERT) predicts masked tokens; next: a decoder (Llama) the next one",
    group: "Model",
    default: "masked",
  },
  {
    name: "init",
    kind: text("<folder>"),
    help: "start from the weights of this model, of the same shape and tokenizer (default: random)",
    group: "Model",
    default: null,
  },
  { name: "layers", kind: count, help: "layers", group: "Model", default: 4 },
  { name: "width", kind: count, help: "width of the hidden states", group: "Model", default: 128 },
  { name: "heads", kind: count, help: "attention heads", group: "Model", default: 4 },
  {
    name: "feed-forward",
    kind: count,
    help: "feed-forward width (default: 4 times the width)",
    group: "Model",
  },
  {
    name: "seq-len",
    field: "tokens",
    kind: whole({ least: 4 }),
    help: "tokens of a row",
    group: "Training",
    default: 128,
  },
  { name: "batch", kind: count, help: "rows of a step", group: "Training", default: 32 },
  {
    name: "steps",
    kind: whole({ least: 0 }),
    help: "steps in all; 0 writes the untrained model",
    group: "Training",
    default: 10_000,
    resumable: true,
  },
  {
    name: "learning-rate",
    kind: number({ above: 0 }),
    help: "highest learning rate",
    group: "Training",
    default: 1e-3,
    resumable: true,
  },
  {
    name: "warmup-steps",
    kind: whole({ least: 0 }),
    help: "first steps, in which the rate rises (default: a twentieth, at most 1,000)",
    group: "Training",
  },
  {
    name: "decay-steps",
    kind: whole({ least: 0 }),
    help: "last steps, in which the rate falls to 0 (default: a fifth)",
    group: "Training",
    resumable: true,
  },
  {
    name: "weight-decay",
    kind: number({ least: 0 }),
    help: "decoupled weight decay of matrices",
    group: "Training",
    default: 0.01,
  },
  {
    name: "mask-rate",
    kind: number({ above: 0, below: 1 }),
    help: "share of the tokens that are masked",
    group: "Training",
    default: 0.15,
  },
  {
    name: "seed",
    kind: whole({ least: 0 }),
    help: "decides the initial weights, the order of the texts and the masks",
    group: "Training",
    default: defaultConfig.seed,
  },
  {
    name: "out",
    kind: text("<folder>"),
    help: "folder of a new pretraining",
    group: "Run",
    default: "pretrained",
  },
  {
    name: "checkpoint-minutes",
    kind: number({ above: 0 }),
    help: "minutes between two checkpoints",
    group: "Run",
    default: 3,
    resumable: true,
  },
  {
    name: "evaluate-every",
    kind: count,
    help: "steps between two evaluations on held-out documents, always masked alike",
    group: "Run",
    default: 500,
    resumable: true,
  },
];

/** The flags, for the command's description. */
export function pretrainOptions(): Option[] {
  return [
    new Option("--corpus <files>", "text files parted by commas: .jsonl or .txt, also .gz")
      .helpGroup("Corpus:"),
    ...flags.map(({ name, kind, help, group, default: byDefault }) =>
      new Option(
        `--${name} ${kind.placeholder}`,
        byDefault === undefined || byDefault === null ? help : `${help} (default: ${byDefault})`,
      ).helpGroup(`${group}:`)
    ),
  ];
}

/** A flag's name in camelCase. */
export const keyOf = (name: string): string =>
  name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());

/**
 * The value of a flag where it is given.
 *
 * @throws UserError when it is not one that the flag takes.
 */
export function givenValue(own: GivenFlags["own"], name: string): unknown {
  const written = own[keyOf(name)];
  if (written === undefined) return undefined;
  const { kind } = flagOf(name);
  const value = kind.check(kind.fromText(String(written)));
  if (value !== undefined) return value;
  throw new UserError(
    `Cannot use --${name}: expected ${kind.expected}, got ${JSON.stringify(written)}${
      kind.hint(written)
    }`,
  );
}

/** The value of a flag, or its default. */
export function valueOf(own: GivenFlags["own"], name: string): unknown {
  return givenValue(own, name) ?? flagOf(name).default;
}

function flagOf(name: string): Flag {
  return flags.find((flag) => flag.name === name)!;
}
