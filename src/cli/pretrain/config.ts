/** What decides a pretraining, as it stands in pretrain.json, and what a process may do its own way. @module */

import type { PretrainSettings } from "../../pretrain/settings.ts";
import { UserError } from "../../protocol/errors.ts";
import type { GivenFlags } from "../flags.ts";
import { flags, givenValue, keyOf, type objectiveNames, valueOf } from "./flags.ts";

/** Everything that decides a pretraining. */
export interface PretrainConfig extends PretrainSettings {
  readonly corpus: readonly string[];
  readonly textColumn: string;
  readonly tokenizer: string;
  /** Tokens that the vocabulary is cut to; null leaves it whole. */
  readonly vocabulary: number | null;
  readonly objective: typeof objectiveNames[number];
  /** Folder of the model whose weights are the first; null: random ones. */
  readonly init: string | null;
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

/** The folder of a new pretraining. */
export function readFolder(own: GivenFlags["own"]): string {
  return String(valueOf(own, "out"));
}

/** The pace that the flags set. */
export function readPace(own: GivenFlags["own"]): PretrainPace {
  return {
    checkpointMinutes: Number(valueOf(own, "checkpoint-minutes")),
    evaluateEvery: Number(valueOf(own, "evaluate-every")),
  };
}

/**
 * The config of a new pretraining.
 *
 * @throws UserError naming the flag that is missing or wrong.
 */
export function readConfig(own: GivenFlags["own"]): PretrainConfig {
  const corpus = String(own.corpus ?? "").split(",").map((file) => file.trim()).filter(Boolean);
  if (corpus.length === 0) {
    throw new UserError("Cannot pretrain without texts: expected --corpus FILE[,FILE…]");
  }
  if (own.tokenizer === undefined) {
    throw new UserError("Cannot pretrain without a tokenizer: expected --tokenizer FOLDER");
  }
  const value = <T>(name: string): T => valueOf(own, name) as T;
  const steps = value<number>("steps");
  const width = value<number>("width");
  return checked({
    corpus,
    textColumn: value("text-column"),
    tokenizer: value("tokenizer"),
    vocabulary: value("vocabulary"),
    licence: value("licence"),
    objective: value("objective"),
    init: value("init"),
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
    seed: value("seed"),
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
  const value = (name: string, before: number): number => Number(givenValue(own, name) ?? before);
  return checked({
    ...saved,
    steps: value("steps", saved.steps),
    learningRate: value("learning-rate", saved.learningRate),
    decaySteps: value("decay-steps", saved.decaySteps),
  });
}

/** Whether a value of pretrain.json holds every setting, each allowed: a later version's file may not. */
export function isPretrainConfig(value: unknown): value is PretrainConfig {
  if (typeof value !== "object" || value === null) return false;
  const config = value as Readonly<Record<string, unknown>>;
  const { corpus } = config;
  return Array.isArray(corpus) && corpus.every((file) => typeof file === "string") &&
    flags.filter(({ group }) => group !== "Run").every(
      ({ name, field, kind, default: byDefault }) => {
        const setting = config[field ?? keyOf(name)];
        return kind.check(setting) !== undefined || setting === null && byDefault === null;
      },
    );
}

function checked(config: PretrainConfig): PretrainConfig {
  const { objective, width, heads } = config;
  if (width % heads !== 0) {
    throw new UserError(`Cannot use --heads ${heads}: expected a divisor of the width ${width}`);
  }
  if (objective === "next" && width / heads % 2 !== 0) {
    throw new UserError(
      `Cannot use --heads ${heads}: expected heads of an even size for rotary positions, got ${
        width / heads
      }`,
    );
  }
  return config;
}
