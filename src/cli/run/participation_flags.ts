/** Flags that say who takes part in a round, and how long it may take. @module */

import { Option } from "commander";
import { number, whole } from "../../federated/setting_kinds.ts";
import { type Participation, sampleSize, type UpdateLimits } from "../../protocol/manifest.ts";
import { type GivenFlags, readOwnFlag } from "../flags.ts";
import { readDuration } from "./duration.ts";

/** Long enough for a laptop's round on the built-in base, short enough to notice that clients are gone. */
const defaultDeadline = "10m";

/** The flags, for a command's description. */
export function participationOptions(): Option[] {
  const options = [
    new Option("--per-round <n>", "updates a round aims for (default: one of every client)"),
    new Option(
      "--quorum <n>",
      "updates without which a round past its deadline is tried again (default: half of --per-round)",
    ),
    new Option(
      "--start <n>",
      "clients that must be ready before the first round (default: as many as a round asks)",
    ),
    new Option(
      "--over-selection <n>",
      "how many times --per-round clients are asked, so that some may vanish (default: 1)",
    ),
    new Option(
      "--deadline <time>",
      `longest time of a round: 90, 10m, 2h (default: ${defaultDeadline})`,
    ),
    new Option("--max-samples <n>", "largest number of rows a client may claim"),
    new Option(
      "--max-norm <n>",
      "largest change a client may send, L2 (default: the largest that honest training can reach)",
    ),
  ];
  return options.map((option) => option.helpGroup("Participation:"));
}

const count = whole({ least: 1 });

/** The participation that flags ask for; the manifest's maker checks the numbers against one another. */
export function readParticipation(own: GivenFlags["own"], seats: number): Participation {
  const perRound = readOwnFlag(own, "perRound", count) ?? seats;
  const overSelection = readOwnFlag(own, "overSelection", number({ least: 1 })) ?? 1;
  const quorum = readOwnFlag(own, "quorum", count) ?? Math.ceil(perRound / 2);
  const asked = sampleSize({ perRound, overSelection }, seats);
  return {
    seats,
    start: readOwnFlag(own, "start", count) ?? Math.max(quorum, asked),
    perRound,
    overSelection,
    quorum,
    deadlineSeconds: readDuration("--deadline", String(own.deadline ?? defaultDeadline)),
  };
}

/** The limits that flags set. */
export function readLimits(own: GivenFlags["own"]): Partial<UpdateLimits> {
  const maxSamples = readOwnFlag(own, "maxSamples", count);
  const maxNorm = readOwnFlag(own, "maxNorm", number({ above: 0 }));
  return {
    ...(maxSamples !== undefined && { maxSamples }),
    ...(maxNorm !== undefined && { maxNorm }),
  };
}
