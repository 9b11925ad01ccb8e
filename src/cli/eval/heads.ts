/** Classification heads of checkpoints, and what their classes are called. @module */

import { configLabels } from "../../lora/merge_adapter.ts";
import { classTensor } from "../../lora/peft_fit.ts";
import type { NamedTensor } from "../../protocol/bank.ts";
import { countOf } from "../../protocol/count_of.ts";
import { UserError } from "../../protocol/errors.ts";
import { firstRepeated } from "../../protocol/first_repeated.ts";
import type { OpenBase } from "../fit_to_base.ts";

/** A base that lies open. */
export interface OpenedBase extends OpenBase {
  /** Its parsed config.json. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** The head that a checkpoint for sequence classification has. */
export interface OwnHead {
  readonly classes: number;
  /** Its tensors, in the family's order. */
  readonly head: readonly NamedTensor[];
  /** What the base's config.json calls the classes; undefined where it does not. */
  readonly labels: readonly string[] | undefined;
}

/** The head of a checkpoint for sequence classification; undefined of any other. */
export async function readOwnHead(base: OpenedBase): Promise<OwnHead | undefined> {
  const { model, weights } = base;
  const sized = classTensor(base);
  if (sized === undefined || !weights.has(sized)) return undefined;
  const [classes] = weights.shape(sized);
  const tensors = model.head(classes, weights.has);
  if (!tensors.every(({ name }) => weights.has(name))) return undefined;
  const head = await Promise.all(
    tensors.map(async ({ name, shape }) => ({
      name,
      shape,
      data: await weights.load(name, shape),
    })),
  );
  return { classes, head, labels: configLabels(base.config, classes) };
}

/**
 * The names of a head's classes, in the order of the logits: as told, else as the base's config.json has them for as many classes.
 *
 * @param whose whom an error is about
 * @throws UserError when nobody tells them, not as many, or one twice.
 */
export function labelsOf(
  whose: string,
  classes: number,
  told: readonly string[] | undefined,
  base: OpenedBase,
): readonly string[] {
  const labels = told ?? configLabels(base.config, classes);
  if (labels === undefined) {
    throw new UserError(
      `Cannot name the classes of ${whose}: its files tell no labels; give the ${classes} in the order of the logits by --labels`,
    );
  }
  if (labels.length !== classes) {
    throw new UserError(
      `Cannot name the classes of ${whose}: expected ${
        countOf(classes, "label")
      }, got ${labels.length}`,
    );
  }
  const twice = firstRepeated(labels);
  if (twice === undefined) return labels;
  throw new UserError(
    `Cannot name the classes of ${whose}: expected distinct labels, got "${twice}" twice`,
  );
}
