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
 * Checks an update against the layout of the bank and what the client was dealt: its own client and round, at least one sample, exactly the dealt
 * components and their trained factors, every shape, every number finite, scores (when sent) finite and ≥ 0 for the components held and NaN for the
 * others.
 *
 * @throws {UpdateError} with the first fault found.
 */
export function validateUpdate(layout: AdapterLayout, deal: Deal, update: ClientUpdate): void {
  const checks = checksOf(update);
  const { refuse } = checks;
  if (update.client !== deal.client) refuse("wrong-client", `expected client ${deal.client}`);
  if (update.round !== deal.round) refuse("wrong-round", `expected round ${deal.round + 1}`);
  if (!Number.isSafeInteger(update.samples) || update.samples < 1) {
    refuse("samples", `expected a whole number of samples of at least 1, got ${update.samples}`);
  }
  checkComponents(checks, layout, deal, update);
  checkHead(checks, layout, update);
  if (update.scores) checkScores(checks, layout, deal, update.scores);
}

/** What the checks of an update say in its name. */
interface Checks {
  refuse(fault: UpdateFault, problem: string): never;
  expectLength(fault: UpdateFault, what: string, got: number, expected: number): void;
  expectFinite(what: string, numbers: Float32Array): void;
}

function checksOf({ client, round }: ClientUpdate): Checks {
  const refuse = (fault: UpdateFault, problem: string): never => {
    throw new UpdateError(
      fault,
      `Cannot use the update of client ${client} in round ${round + 1}: ${problem}`,
    );
  };
  return {
    refuse,
    expectLength(fault, what, got, expected) {
      if (got !== expected) refuse(fault, `expected ${expected} ${what}, got ${got}`);
    },
    expectFinite(what, numbers) {
      const at = numbers.findIndex((number) => !Number.isFinite(number));
      if (at < 0) return;
      refuse("not-finite", `expected finite numbers in ${what}, got ${numbers[at]} at ${at}`);
    },
  };
}

function checkComponents(
  { refuse, expectLength, expectFinite }: Checks,
  { modules }: AdapterLayout,
  deal: Deal,
  { indices, a, b }: ClientUpdate,
): void {
  expectLength("indices", "index lists", indices.length, modules.length);
  if ((a !== undefined) !== (deal.factors === "both")) {
    refuse("shape", a ? "expected no A, as only B is trained, got some" : "expected A, got none");
  }
  if (a) expectLength("shape", "A matrices", a.length, modules.length);
  expectLength("shape", "B matrices", b.length, modules.length);
  modules.forEach(({ name, inFeatures, outFeatures }, m) => {
    const dealt = deal.indices[m];
    const trained = indices[m];
    if (trained.length !== dealt.length || trained.some((index, n) => index !== dealt[n])) {
      refuse("indices", `expected components [${dealt}] of "${name}", got [${trained}]`);
    }
    const expectMatrix = (what: string, numbers: Float32Array, expected: number) => {
      expectLength("shape", `numbers in ${what}`, numbers.length, expected);
      expectFinite(what, numbers);
    };
    if (a) expectMatrix(`A of "${name}"`, a[m], dealt.length * inFeatures);
    expectMatrix(`B of "${name}"`, b[m], outFeatures * dealt.length);
  });
}

function checkHead(
  { refuse, expectLength, expectFinite }: Checks,
  layout: AdapterLayout,
  { head }: ClientUpdate,
): void {
  expectLength("head", "head tensors", head.length, layout.head.length);
  layout.head.forEach(({ name, shape }, h) => {
    const tensor = head[h];
    const expected = `"${name}" of shape [${shape.join(", ")}]`;
    const got = `"${tensor.name}" of shape [${tensor.shape.join(", ")}]`;
    if (got !== expected) refuse("head", `expected head tensor ${expected}, got ${got}`);
    expectLength("head", `numbers in "${name}"`, tensor.data.length, cellCount(shape));
    expectFinite(`"${name}"`, tensor.data);
  });
}

function checkScores(
  { refuse, expectLength }: Checks,
  { modules, rank }: AdapterLayout,
  { forward }: Deal,
  lists: NonNullable<ClientUpdate["scores"]>,
): void {
  expectLength("scores", "score lists", lists.length, modules.length);
  lists.forEach((scores, m) => {
    const { name } = modules[m];
    expectLength("scores", `scores of "${name}"`, scores.length, rank);
    scores.forEach((score, i) => {
      const held = forward[m][i] === 1;
      if (held ? Number.isFinite(score) && score >= 0 : Number.isNaN(score)) return;
      const expected = held
        ? "a finite number of at least 0"
        : "NaN, as the client does not hold it";
      refuse(
        "scores",
        `expected the score of component ${i} of "${name}" to be ${expected}, got ${score}`,
      );
    });
  });
}
