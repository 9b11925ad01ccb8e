/**
 * The server's check of an update, before it touches the bank.
 *
 * @module
 */

import type { AdapterLayout } from "./bank.ts";
import { cellCount } from "./cell_count.ts";
import type { Deal } from "./deal.ts";
import type { ClientUpdate } from "./update.ts";

/** Why an update was refused, for logs and counters. */
export type UpdateFault =
  | "wrong-client"
  | "wrong-round"
  | "samples"
  | "indices"
  | "shape"
  | "not-finite"
  | "scores"
  | "head";

/** An update that the server does not aggregate. */
export class UpdateError extends Error {
  /** The class's name, for logs. */
  override name = "UpdateError";

  /** A refusal for one reason, with a line for people. */
  constructor(
    /** The reason. */
    readonly fault: UpdateFault,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Checks an update against the layout of the bank and what the client was dealt: its own client and round, at least one sample, exactly
 * the dealt components and their trained factors, every shape, every number finite, scores (when sent) finite and ≥ 0 for the components held and NaN for the others.
 *
 * @throws {UpdateError} with the first fault found.
 */
export function validateUpdate(layout: AdapterLayout, deal: Deal, update: ClientUpdate): void {
  const refuse = (fault: UpdateFault, problem: string): never => {
    throw new UpdateError(
      fault,
      `Cannot use the update of client ${update.client} in round ${update.round + 1}: ${problem}`,
    );
  };
  const expectLength = (fault: UpdateFault, what: string, got: number, expected: number) => {
    if (got !== expected) refuse(fault, `expected ${expected} ${what}, got ${got}`);
  };
  const expectFinite = (what: string, numbers: Float32Array) => {
    const at = numbers.findIndex((number) => !Number.isFinite(number));
    if (at >= 0) {
      refuse("not-finite", `expected finite numbers in ${what}, got ${numbers[at]} at ${at}`);
    }
  };

  if (update.client !== deal.client) refuse("wrong-client", `expected client ${deal.client}`);
  if (update.round !== deal.round) refuse("wrong-round", `expected round ${deal.round + 1}`);
  if (!Number.isSafeInteger(update.samples) || update.samples < 1) {
    refuse("samples", `expected a whole number of samples of at least 1, got ${update.samples}`);
  }
  const count = layout.modules.length;
  expectLength("indices", "index lists", update.indices.length, count);
  const { a } = update;
  if ((a !== undefined) !== (deal.factors === "both")) {
    refuse("shape", a ? "expected no A, as only B is trained, got some" : "expected A, got none");
  }
  if (a) expectLength("shape", "A matrices", a.length, count);
  expectLength("shape", "B matrices", update.b.length, count);
  layout.modules.forEach(({ name, inFeatures, outFeatures }, m) => {
    const dealt = deal.indices[m];
    const trained = update.indices[m];
    if (trained.length !== dealt.length || trained.some((index, n) => index !== dealt[n])) {
      refuse("indices", `expected components [${dealt}] of "${name}", got [${trained}]`);
    }
    if (a) {
      const expected = dealt.length * inFeatures;
      expectLength("shape", `numbers in A of "${name}"`, a[m].length, expected);
      expectFinite(`A of "${name}"`, a[m]);
    }
    expectLength(
      "shape",
      `numbers in B of "${name}"`,
      update.b[m].length,
      outFeatures * dealt.length,
    );
    expectFinite(`B of "${name}"`, update.b[m]);
  });

  expectLength("head", "head tensors", update.head.length, layout.head.length);
  layout.head.forEach(({ name, shape }, h) => {
    const tensor = update.head[h];
    const expected = `"${name}" of shape [${shape.join(", ")}]`;
    const got = `"${tensor.name}" of shape [${tensor.shape.join(", ")}]`;
    if (got !== expected) refuse("head", `expected head tensor ${expected}, got ${got}`);
    expectLength("head", `numbers in "${name}"`, tensor.data.length, cellCount(shape));
    expectFinite(`"${name}"`, tensor.data);
  });

  if (!update.scores) return;
  expectLength("scores", "score lists", update.scores.length, count);
  update.scores.forEach((scores, m) => {
    const { name } = layout.modules[m];
    expectLength("scores", `scores of "${name}"`, scores.length, layout.rank);
    scores.forEach((score, i) => {
      const held = deal.forward[m][i] === 1;
      const good = held ? Number.isFinite(score) && score >= 0 : Number.isNaN(score);
      if (!good) {
        const expected = held
          ? "a finite number of at least 0"
          : "NaN, as the client does not hold it";
        refuse(
          "scores",
          `expected the score of component ${i} of "${name}" to be ${expected}, got ${score}`,
        );
      }
    });
  });
}
