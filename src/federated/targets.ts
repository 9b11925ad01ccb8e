/** Which modules of a model get an adapter. @module */

import type { Model } from "../models/mod.ts";
import type { ModuleShape } from "../protocol/bank.ts";
import { UserError } from "../protocol/errors.ts";

/**
 * The modules to adapt: the family's default, those whose name matches a regular expression, or those whose name ends in one of several names
 * parted by commas, as PEFT's target_modules does.
 *
 * @throws UserError when none matches, or the regular expression is malformed.
 */
export function chooseTargets(model: Model, targets: string | null): ModuleShape[] {
  const matches = targets === null
    ? (name: string) => model.defaultTargets.test(name)
    : targetMatcher(targets);
  const modules = model.modules.filter(({ name }) => matches(name));
  if (modules.length > 0) return modules;
  const endings = new Set(model.modules.map(({ name }) => name.slice(name.lastIndexOf(".") + 1)));
  throw new UserError(
    `Cannot adapt "${targets}": no module matches; this model has ${[...endings].join(", ")}`,
  );
}

/**
 * Checks a rank against the modules it is for: a change of a matrix [out, in] has no rank above the smaller of the two.
 *
 * @throws UserError when it is above that of all of them.
 */
export function checkRank(modules: readonly ModuleShape[], rank: number): void {
  const most = Math.max(
    ...modules.map((module) => Math.min(module.inFeatures, module.outFeatures)),
  );
  if (rank <= most) return;
  throw new UserError(
    `Cannot use --rank ${rank}: expected at most ${most}, the smaller side of the adapted modules`,
  );
}

function targetMatcher(targets: string): (name: string) => boolean {
  const ends = targets.split(",").map((end) => end.trim());
  if (ends.length > 1) {
    return (name) => ends.some((end) => name === end || name.endsWith(`.${end}`));
  }
  try {
    const pattern = new RegExp(targets, "u");
    return (name) => pattern.test(name);
  } catch (error) {
    throw new UserError(
      `Cannot adapt "${targets}": expected a regular expression or names parted by commas`,
      { cause: error },
    );
  }
}
