/** What comes of an evaluation. @module */

import {
  type ClassificationScore,
  classificationScore,
  type Confusion,
  majorityScore,
} from "../../lora/metrics.ts";
import type { RunConfig } from "../../federated/run_config.ts";
import { perplexityOf } from "../../protocol/records.ts";
import type { Candidate } from "./models.ts";
import type { PartName } from "./rows.ts";

/** What is told of every evaluation. */
export interface EvaluationFacts extends Pick<RunConfig, "seqLen"> {
  /** What the base is called: a hub id, or a folder's own name. */
  readonly model: string;
  /** Folder of the adapter. */
  readonly adapter: string | null;
  readonly data: string;
  readonly split: PartName;
  readonly rows: number;
  readonly device: string;
}

/** How a classifier does. */
export interface ClassifierResult extends ClassificationScore, Pick<Candidate, "name" | "head"> {
  /** Mean cross-entropy of the rows, in nats. */
  readonly loss: number;
  /** [labels, labels] rows of each label by the label that they were taken for. */
  readonly confusion: Confusion;
}

/** What classifiers of one base make of the same rows. */
export interface ClassifierEvaluation extends EvaluationFacts, Pick<RunConfig, "pooling"> {
  readonly task: "classify";
  /** The label set, in the order of the logits. */
  readonly labels: readonly string[];
  readonly baseline: Baseline;
  /** The base first. */
  readonly models: readonly ClassifierResult[];
}

/** What needs no model. */
export interface Baseline {
  /** Accuracy of a guess among all labels. */
  readonly chance: number;
  /** Scores of whoever always says the commonest label of the rows. */
  readonly majority:
    & Pick<ClassificationScore, "accuracy" | "macroF1">
    & { readonly label: string };
}

/** How a language model does. */
export interface LanguageResult extends Pick<Candidate, "name"> {
  /** Mean cross-entropy of the predicted tokens, in nats. */
  readonly loss: number;
  /** exp(loss). */
  readonly perplexity: number;
}

/** What language models of one base make of the same texts. */
export interface LanguageEvaluation extends EvaluationFacts {
  readonly task: "lm" | "chat";
  /** Tokens predicted. */
  readonly tokens: number;
  /** The base first. */
  readonly models: readonly LanguageResult[];
}

/** The content of evaluation.json. */
export type EvaluationResult = ClassifierEvaluation | LanguageEvaluation;

/** A classifier's result from its counts and the sum of its rows' losses. */
export function classifierResult(
  { name, head }: Candidate,
  confusion: Confusion,
  loss: number,
): ClassifierResult {
  const score = classificationScore(confusion);
  return { name, head, ...score, loss: loss / score.rows, confusion };
}

/** A language model's result from the sum of its predictions' losses. */
export function languageResult({ name }: Candidate, tokens: number, sum: number): LanguageResult {
  const loss = sum / tokens;
  return { name, loss, perplexity: perplexityOf(loss) };
}

/** What has to be beaten on the rows of a table. */
export function baselineOf(labels: readonly string[], confusion: Confusion): Baseline {
  const { label, accuracy, macroF1 } = majorityScore(confusion);
  return { chance: 1 / labels.length, majority: { label: labels[label], accuracy, macroF1 } };
}
