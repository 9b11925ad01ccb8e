import type { OnStep } from "../../../server/store/database.ts";
import { type Step, steps } from "../../../server/store/steps.ts";

/** Where a server dies: at a commit of this step, right before or right after it, the nth time in its life (1 is the first). */
export interface Fault {
  readonly step: Step;
  readonly moment: "before" | "after";
  readonly nth: number;
}

/** `step:moment:nth`. */
export function faultName({ step, moment, nth }: Fault): string {
  return `${step}:${moment}:${nth}`;
}

/** Reads what {@linkcode faultName} wrote; the nth time is the first where it is left out. */
export function parseFault(name: string): Fault {
  const [step, moment, nth = "1"] = name.split(":");
  const known = (steps as readonly string[]).includes(step) && /^(before|after)$/.test(moment) &&
    /^[1-9]\d*$/.test(nth);
  if (!known) throw new RangeError(`Cannot read fault "${name}": expected step:moment:nth`);
  return { step: step as Step, moment: moment as Fault["moment"], nth: Number(nth) };
}

/** Calls `die` at the fault. */
export function onFault(fault: Fault, die: () => void): OnStep {
  let times = 0;
  return (step, moment) => {
    if (step === fault.step && moment === fault.moment && ++times === fault.nth) die();
  };
}
