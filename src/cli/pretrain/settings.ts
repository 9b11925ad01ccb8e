/** Flags of `deno task pretrain`, and what stands in pretrain.json. @module */

import { Option } from "commander";
import type { Kind } from "../../federated/setting_kinds.ts";
import { choice, number, text, whole } from "../../federated/setting_kinds.ts";
import type { PretrainSettings } from "../../pretrain/settings.ts";
import { UserError } from "../../protocol/errors.ts";
import type { GivenFlags } from "../flags.ts";

/** What is predicted. */
export const objectiveNames = ["masked", "next"] as const;

/** Everything that decides a pretraining; as it stands in pretrain.json. */
export interface PretrainConfig extends PretrainSettings {
  readonly corpus: readonly string[];
  readonly textColumn: string;
  readonly tokenizer: string;
  /** Pieces that the vocabulary is cut to; null leaves it whole. */
  readonly vocabulary: number | null;
  readonly objective: typeof objectiveNames[number];
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly feedForward: number;
  /** What the texts may be used under; stands in the model's card. */
  readonly licence: string;
}

/** What a process may do its own way. */
export interface PretrainPace {
  /** Minutes between two checkpoints. */
  readonly checkpointMinutes: number;
  /** Steps between two evaluations. */
  readonly evaluateEvery: number;
}

interface Flag {
  readonly name: string;
  readonly kind: Kind<unknown>;
  readonly help: string;
  readonly group: string;
  /** Where it is not given; undefined where a rule of {@linkcode readConfig} fills it. */
  readonly default?: unknown;
  /** May be given with --resume. */
  readonly resumable?: boolean;
}

const count = whole({ least: 1 });

const flags: readonly Flag[] = [
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
    help: "cut a WordPiece vocabulary to this many pieces (default: leave it whole)",
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
    help: "steps between two evaluations on held-out documents",
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

const keyOf = (name: string): string =>
  name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());

/** The value of a flag where it is given. */
function given(own: GivenFlags["own"], { name, kind }: Flag): unknown {
  const written = own[keyOf(name)];
  if (written === undefined) return undefined;
  const value = kind.check(kind.fromText(String(written)));
  if (value !== undefined) return value;
  throw new UserError(
    `Cannot use --${name}: expected ${kind.expected}, got ${JSON.stringify(written)}${
      kind.hint(written)
    }`,
  );
}

/** The pace that the flags set. */
export function readPace(own: GivenFlags["own"]): PretrainPace {
  const value = (name: string) => {
    const flag = flags.find((flag) => flag.name === name)!;
    return Number(given(own, flag) ?? flag.default);
  };
  return {
    checkpointMinutes: value("checkpoint-minutes"),
    evaluateEvery: value("evaluate-every"),
  };
}

/**
 * The config of a new pretraining.
 *
 * @throws UserError naming the flag that is missing or wrong.
 */
export function readConfig(own: GivenFlags["own"], seed: number): PretrainConfig {
  const corpus = String(own.corpus ?? "").split(",").map((file) => file.trim()).filter(Boolean);
  if (corpus.length === 0) {
    throw new UserError("Cannot pretrain without texts: expected --corpus FILE[,FILE…]");
  }
  if (own.tokenizer === undefined) {
    throw new UserError("Cannot pretrain without a tokenizer: expected --tokenizer FOLDER");
  }
  const value = <T>(name: string): T => {
    const flag = flags.find((flag) => flag.name === name)!;
    return (given(own, flag) ?? flag.default) as T;
  };
  const steps = value<number>("steps");
  const width = value<number>("width");
  return checked({
    corpus,
    textColumn: value("text-column"),
    tokenizer: value("tokenizer"),
    vocabulary: value("vocabulary"),
    licence: value("licence"),
    objective: value("objective"),
    layers: value("layers"),
    width,
    heads: value("heads"),
    feedForward: value<number | undefined>("feed-forward") ?? 4 * width,
    tokens: value("seq-len"),
    batch: value("batch"),
    steps,
    learningRate: value("learning-rate"),
    warmupSteps: value<number | undefined>("warmup-steps") ??
      Math.min(1000, Math.floor(steps / 20)),
    decaySteps: value<number | undefined>("decay-steps") ?? Math.floor(steps / 5),
    weightDecay: value("weight-decay"),
    maskRate: value("mask-rate"),
    seed,
  });
}

/**
 * A saved config with what may change on the way: how long it goes on, and how fast.
 *
 * @throws UserError naming a flag that may not change.
 */
export function resumeConfig(saved: PretrainConfig, own: GivenFlags["own"]): PretrainConfig {
  const fixed = ["corpus", ...flags.filter((flag) => !flag.resumable).map(({ name }) => name)]
    .find((name) => own[keyOf(name)] !== undefined);
  if (fixed !== undefined) {
    throw new UserError(`Cannot use --${fixed} with --resume: it was settled when this began`);
  }
  const value = (name: string, before: number): number =>
    Number(given(own, flags.find((flag) => flag.name === name)!) ?? before);
  return checked({
    ...saved,
    steps: value("steps", saved.steps),
    learningRate: value("learning-rate", saved.learningRate),
    decaySteps: value("decay-steps", saved.decaySteps),
  });
}

function checked(config: PretrainConfig): PretrainConfig {
  const { width, heads } = config;
  if (width % heads !== 0) {
    throw new UserError(`Cannot use --heads ${heads}: expected a divisor of the width ${width}`);
  }
  return config;
}
