/** A new run in a few lines. @module */

import { type RanksPolicy, type RunManifest, sampleSize } from "../../protocol/manifest.ts";
import { taskOf } from "../../protocol/manifest_task.ts";
import { ranksText } from "../../protocol/ranks.ts";
import { printable } from "../printable.ts";
import { counted, countText, durationText } from "../units.ts";
import { taskText } from "./task_text.ts";

/** What was agreed on, for the person who created it. */
export function describeRun(run: string, server: string, manifest: RunManifest): string[] {
  const { name, model, labels, layout, rounds, method, participation, training } = manifest;
  const { seats, start, perRound, quorum, deadlineSeconds } = participation;
  const asked = sampleSize(participation, seats);
  const optimizer = method.serverOptimizer ? ` + server ${method.serverOptimizer.kind}` : "";
  const more = asked > perRound ? `, ${asked} asked` : "";
  return [
    `Run      ${run} "${name}" on ${server}`,
    `Model    ${model.name}, ${
      counted(layout.modules.length, "module")
    } adapted at rank ${layout.rank}, ` +
    taskText(taskOf(manifest), labels.length),
    `Method   ${method.method} + ${method.aggregation}${optimizer}, ${policyText(manifest.ranks)}`,
    `Rounds   ${countText(rounds)} of ${counted(training.localSteps, "step")}; ` +
    `${perRound} of ${counted(seats, "client")} a round${more}, quorum ${quorum}, at most ${
      durationText(deadlineSeconds)
    }`,
    `Start    when ${start} ${start === 1 ? "client is" : "clients are"} ready`,
  ].map(printable);
}

function policyText(policy: RanksPolicy): string {
  switch (policy.kind) {
    case "fixed":
      return ranksText(policy.ranks);
    case "stated":
      return "ranks as clients state them";
    case "auto":
      return `ranks of ${policy.tiers.join(", ")} by what a client can train in time`;
    default:
      return policy satisfies never;
  }
}
