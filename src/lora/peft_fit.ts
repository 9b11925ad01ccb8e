/** Whether an imported adapter belongs to a model. @module */

import { isTransposed, type Model } from "../models/mod.ts";
import type { NamedTensor } from "../protocol/bank.ts";
import { closestNames } from "../protocol/closest_names.ts";
import { countOf } from "../protocol/count_of.ts";
import { transpose } from "../weights/transpose.ts";
import { PeftError } from "./peft.ts";
import type { ImportedAdapter } from "./peft_import.ts";

/** A model, as far as an adapter has to fit it. */
export interface AdapterBase {
  /** What to call it in an error. */
  readonly label: string;
  /** Its architecture. */
  readonly model: Model;
  /** Its checkpoint's tensors, by the family's names. */
  readonly weights: {
    has(name: string): boolean;
    shape(name: string): readonly number[];
  };
}

/** An adapter that fits a model. */
export interface FittedAdapter extends ImportedAdapter {
  /** Classes of its sequence classifier; undefined where it has no head of one. */
  readonly classes: number | undefined;
}

/**
 * The adapter by the names of a model's family, once it is known to fit: every module that it adapts is one of the model's and has its shape, and so
 * are the tensors saved beside it, of the family's head for sequence classification or of the checkpoint. Names may lack the prefix that a model's
 * inner class leaves out, such as "bert.".
 *
 * @throws PeftError naming the module or tensor that does not fit.
 */
export function fitAdapter(adapter: ImportedAdapter, base: AdapterBase): FittedAdapter {
  const known = new Map(base.model.modules.map((module) => [module.name, module]));
  const modules = adapter.modules.map((module) => {
    const name = nameIn(module.name, base, (name) => known.has(name));
    const expected = known.get(name);
    if (expected === undefined) throw unknownName("adapts", module.name, base, [...known.keys()]);
    const { inFeatures, outFeatures } = module;
    requireShape(
      name,
      [expected.outFeatures, expected.inFeatures],
      [outFeatures, inFeatures],
      base,
    );
    return { ...module, name };
  });
  return { ...adapter, modules, ...fitHead(adapter, base) };
}

function fitHead(
  adapter: ImportedAdapter,
  base: AdapterBase,
): Pick<FittedAdapter, "head" | "classes"> {
  const { model, weights } = base;
  const names = model.head(2, weights.has).map(({ name }) => name);
  const head = adapter.head.map((tensor): NamedTensor => {
    const known = (name: string) => names.includes(name) || weights.has(name);
    const named = { ...tensor, name: nameIn(tensor.name, base, known) };
    // PEFT stores a module that it saves whole as the checkpoint stores it.
    return isTransposed(named.name) ? turned(named) : named;
  });
  const sized = classTensor(base);
  const classes = head.find(({ name }) => name === sized)?.shape[0];
  const told = adapter.labels?.length;
  if (
    classes === undefined && adapter.task === "SEQ_CLS" || told !== undefined && told !== classes
  ) {
    throw new PeftError(
      `Cannot use the adapter with "${base.label}": expected a head of ${
        told === undefined ? "some classes" : countOf(told, "class")
      }, got ${classes ?? "none"}`,
    );
  }
  const expected = classes === undefined ? [] : model.head(classes, weights.has);
  const shapes = new Map(expected.map(({ name, shape }) => [name, shape]));
  for (const { name, shape } of head) {
    if (!shapes.has(name) && !weights.has(name)) throw unknownName("saves", name, base, names);
    requireShape(name, shapes.get(name) ?? weights.shape(name), shape, base);
  }
  const missing = expected.find(({ name }) => !head.some((tensor) => tensor.name === name));
  if (missing !== undefined) {
    throw new PeftError(
      `Cannot use the adapter with "${base.label}": it saves a head without "${missing.name}"`,
    );
  }
  return { head, classes };
}

function turned(tensor: NamedTensor): NamedTensor {
  const { shape, data } = tensor;
  if (shape.length !== 2) return tensor;
  return { ...tensor, shape: shape.toReversed(), data: transpose(data, shape[0], shape[1]) };
}

/** The name of the one head tensor whose rows are the classes. */
export function classTensor({ model, weights }: Omit<AdapterBase, "label">): string | undefined {
  const other = model.head(3, weights.has);
  return model.head(2, weights.has).find(({ shape }, n) => shape[0] !== other[n].shape[0])?.name;
}

function nameIn(
  name: string,
  { model: { prefixes } }: AdapterBase,
  has: (name: string) => boolean,
): string {
  return [name, ...prefixes.map((prefix) => prefix + name)].find(has) ?? name;
}

function requireShape(
  name: string,
  expected: readonly number[],
  got: readonly number[],
  { label }: AdapterBase,
): void {
  if (expected.join() === got.join()) return;
  throw new PeftError(
    `Cannot use the adapter with "${label}": expected shape [${
      expected.join(", ")
    }] for "${name}", got [${got.join(", ")}]`,
  );
}

function unknownName(
  does: "adapts" | "saves",
  name: string,
  { label }: AdapterBase,
  known: readonly string[],
): PeftError {
  const [near] = closestNames(name, known);
  const hint = near === undefined ? "" : `; the nearest is "${near}"`;
  return new PeftError(
    `Cannot use the adapter with "${label}": it ${does} "${name}", which the model does not have${hint}`,
  );
}

/** What a model is called, and how to tell it from others; hashing reads all of it. */
export interface NamedBase {
  /** Hub id or path, as the user named it. */
  readonly name: string;
  /** Its `modelHash`. */
  hash(): Promise<string>;
}

/**
 * Compares the model with the one that an adapter says it was trained on. The same weights may lie anywhere, so another name is only worth a note,
 * and none where the hashes agree.
 *
 * @returns the note; undefined where there is nothing to tell.
 * @throws PeftError when the adapter tells its base's hash and it is another.
 */
export async function compareBase(
  { baseModel, baseHash }: Pick<ImportedAdapter, "baseModel" | "baseHash">,
  base: NamedBase,
): Promise<string | undefined> {
  if (baseHash !== null) {
    const hash = await base.hash();
    if (hash === baseHash) return undefined;
    throw new PeftError(
      `Cannot use the adapter with "${base.name}": expected the base ${
        baseModel === null ? "" : `"${baseModel}" `
      }of hash ${baseHash.slice(0, 12)}, got ${hash.slice(0, 12)}`,
    );
  }
  if (baseModel === null || baseModel === base.name) return undefined;
  return `The adapter was trained on "${baseModel}", and is used with "${base.name}"`;
}
