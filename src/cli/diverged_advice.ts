import type { RunConfig } from "../federated/run_config.ts";
import { flagName } from "../federated/setting_text.ts";

/** The settings of a run that diverges. */
type StepSettings = Pick<
  RunConfig,
  "method" | "headLr" | "proximal" | "serverOptimizer" | "clipNorm"
>;

/** What to do about a run that has diverged: which of its steps can be smaller. A resumed run has to keep them. */
export function divergedAdvice(
  { method, headLr, proximal, serverOptimizer, clipNorm }: StepSettings,
): string {
  const steps = [
    ...(method === "head" ? [] : ["lr"]),
    ...(headLr > 0 ? ["headLr"] : []),
    ...(proximal > 0 ? ["proximal"] : []),
    ...(serverOptimizer === "none" ? [] : ["serverLr"]),
  ].map(flagName);
  const lower = new Intl.ListFormat("en", { type: "disjunction" }).format(steps);
  const clip = clipNorm === 0 ? `, or with a ${flagName("clipNorm")}` : "";
  return `start a new run with a lower ${lower}${clip}, as --resume keeps them`;
}
