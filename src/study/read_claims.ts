/** Claims of a study's file, checked against what its grid runs. @module */

import { accept } from "../federated/read_settings.ts";
import { choice, number, text } from "../federated/setting_kinds.ts";
import { UserError } from "../protocol/errors.ts";
import { shown } from "../protocol/shown.ts";
import { checkKeys, readDistinct, readObject } from "./entries.ts";
import { comparesAsRatio } from "./measures.ts";
import { type Claim, type GridPart, metrics, type Study } from "./study.ts";

/**
 * Checks a study's claims.
 *
 * @throws UserError naming the entry: a method or cell that the grid does not run, two methods that no cell has together, a target that is missing, a
 * margin that no difference of accuracies or no ratio has.
 */
export function readClaims(
  value: unknown,
  grid: readonly GridPart[],
  targets: Study["targets"],
): Claim[] {
  if (!Array.isArray(value)) {
    throw new UserError(`Cannot use claims: expected a list, got ${shown(value)}`);
  }
  return value.map((claim, i) => readClaim(claim, `claims[${i}]`, grid, targets));
}

function readClaim(
  value: unknown,
  name: string,
  grid: readonly GridPart[],
  targets: Study["targets"],
): Claim {
  const given = readObject(value, name);
  checkKeys(given, name, ["text", "metric", "method", "than", "margin", "cells"]);
  const run = [...new Set(grid.flatMap(({ methods }) => methods))];
  const cells = [...new Set(grid.flatMap(({ cells }) => cells))];
  const metric = accept(choice(metrics), given.metric, `${name}.metric`);
  const margin = number(comparesAsRatio(metric) ? { above: 0 } : { above: -1, below: 1 });
  const claim: Claim = {
    text: accept(text(""), given.text, `${name}.text`),
    metric,
    method: accept(choice(run), given.method, `${name}.method`),
    than: accept(choice(run), given.than, `${name}.than`),
    ...(given.margin !== undefined &&
      { margin: accept(margin, given.margin, `${name}.margin`) }),
    ...(given.cells !== undefined &&
      { cells: readDistinct(choice(cells), given.cells, `${name}.cells`) }),
  };
  checkCells(claim, name, cells, grid, targets);
  return claim;
}

/** A claim needs cells with both its methods, and where it counts to a target, the target. */
function checkCells(
  { metric, method, than, cells }: Claim,
  name: string,
  all: readonly string[],
  grid: readonly GridPart[],
  targets: Study["targets"],
): void {
  if (method === than) {
    throw new UserError(`Cannot use ${name}.than: expected another method than ${method}`);
  }
  const runs = (cell: string, wanted: string): boolean =>
    grid.some((part) => part.cells.includes(cell) && part.methods.includes(wanted));
  const looked = cells ?? all.filter((cell) => runs(cell, method) && runs(cell, than));
  const missing = looked.find((cell) => !runs(cell, method) || !runs(cell, than));
  if (missing !== undefined) {
    throw new UserError(
      `Cannot use ${name}.cells: the grid does not run both ${method} and ${than} in ${missing}`,
    );
  }
  if (looked.length === 0) {
    throw new UserError(`Cannot check ${name}: no cell of the grid has both ${method} and ${than}`);
  }
  if (metric !== "roundsToTarget" && metric !== "bytesToTarget") return;
  const without = looked.find((cell) => !Object.hasOwn(targets, cell));
  if (without !== undefined) {
    throw new UserError(`Cannot check ${name}: its ${metric} needs a target for cell ${without}`);
  }
}
