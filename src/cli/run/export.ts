/** `deno task run export`: a run's adapter as PEFT has it. @module */

import { Option } from "commander";
import project from "../../../deno.json" with { type: "json" };
import { readRunBank } from "../../federated/remote/run_layout.ts";
import { manifestConfig } from "../../federated/remote/training_settings.ts";
import { whole } from "../../federated/setting_kinds.ts";
import { executionDefaults, executionRows } from "../../federated/settings/execution.ts";
import { exportPeft } from "../../lora/peft.ts";
import { UserError } from "../../protocol/errors.ts";
import type { RoundStatus, RunStatus } from "../../protocol/http/documents.ts";
import { isTokenScore, scoreMerit } from "../../protocol/http/scores.ts";
import type { RunManifest } from "../../protocol/manifest.ts";
import { adapterCard, type AdapterFacts } from "../adapter_card.ts";
import { readingOf } from "../adapter_reading.ts";
import { readFlags, readOwnFlag } from "../flags.ts";
import { bankOf, manifestOf, runStatus } from "./admin_api.ts";
import { adminOptions, readServer } from "./admin_flags.ts";
import type { RunCommand } from "./command.ts";
import { counted } from "../units.ts";
import { scoreText } from "./status_text.ts";
import { writeFolder } from "../write_folder.ts";

const description = {
  name: "deno task run export",
  summary:
    "Writes a run's adapter to a folder that PEFT loads. The server keeps the latest adapters and the best one.",
  settings: [],
  words: ["<run>"],
  options: [
    new Option("--out <folder>", "the folder to make").makeOptionMandatory(),
    new Option(
      "--round <n|best>",
      "the adapter after this round, or that of the best held-out score (default: the latest)",
    ),
    new Option(
      "--adapter-layout <name>",
      `${executionRows.adapterLayout.help} (default: ${executionDefaults.adapterLayout})`,
    ),
    new Option("--overwrite", "replace what --out holds"),
    ...adminOptions(),
  ],
};

/** The subcommand. */
export const exportAdapter: RunCommand = {
  summary: "write a run's adapter for PEFT",
  async run(args, print) {
    const { own, words: [run] } = await readFlags(args, description);
    const layout = readOwnFlag(own, "adapterLayout", executionRows.adapterLayout.kind) ??
      executionDefaults.adapterLayout;
    const admin = await readServer(own);
    const status = await runStatus(admin, run);
    const manifest = await manifestOf(admin, run);
    const round = chooseRound(status, String(own.round ?? "latest"));
    const bank = readRunBank(await bankOf(admin, run, round.round), manifest);
    const config = manifestConfig(manifest);
    const adapter = exportPeft(bank, {
      baseModel: manifest.model.name,
      revision: manifest.model.revision,
      loraDropout: config.loraDropout,
      layout,
      baseHash: manifest.model.hash,
      labels: manifest.labels,
      reading: readingOf(config),
    });
    const card = describeAdapter(manifest, status, round);
    const out = String(own.out);
    await writeFolder(out, { ...adapter, "README.md": card }, own.overwrite === true);
    const score = round.heldOut === null ? "" : `; ${scoreText(round.heldOut)}`;
    print(`Adapter  ${out}, after ${counted(round.round, "round")}${score}`);
  },
};

/**
 * The published round that was asked for.
 *
 * @param asked "latest", "best", or a number of rounds
 *
 * @throws UserError when there is none.
 */
export function chooseRound({ run, published }: RunStatus, asked: string): RoundStatus {
  const latest = published.at(-1);
  if (latest === undefined) {
    throw new UserError(`Cannot export run ${run}: it has no adapter yet`);
  }
  if (asked === "latest") return latest;
  if (asked === "best") {
    const scored = published.filter(({ heldOut }) => heldOut !== null);
    if (scored.length === 0) {
      throw new UserError(
        `Cannot export the best round of ${run}: no client has reported a held-out score`,
      );
    }
    const merit = ({ heldOut }: RoundStatus) => scoreMerit(heldOut!);
    return scored.reduce((best, other) => merit(other) > merit(best) ? other : best);
  }
  const kind = whole({ least: 0 });
  const number = kind.check(kind.fromText(asked));
  if (number === undefined) {
    throw new UserError(`Cannot use --round: expected a number of rounds, or best, got "${asked}"`);
  }
  const round = published.find(({ round }) => round === number);
  if (round !== undefined) return round;
  throw new UserError(
    `Cannot export round ${number} of ${run}: expected at most ${latest.round}, the rounds done`,
  );
}

function describeAdapter(
  manifest: RunManifest,
  status: RunStatus,
  { round, heldOut }: RoundStatus,
): string {
  const config = manifestConfig(manifest);
  const rounds = status.published.filter((other) => other.round <= round);
  const clients = new Set(rounds.flatMap(({ contributors }) => contributors));
  return adapterCard({
    ...config,
    revision: manifest.model.revision,
    clients: clients.size,
    data: null,
    version: project.version,
    rounds: round,
    base: manifest.model.name,
    labels: manifest.labels,
    ...measuredOf(heldOut),
  });
}

/** What the clients measured, for the card. */
function measuredOf(
  score: RoundStatus["heldOut"],
): Pick<AdapterFacts, "accuracy" | "loss" | "rows"> {
  if (score === null) return { accuracy: undefined, rows: "" };
  const parties = counted(score.parties, "client");
  return isTokenScore(score)
    ? {
      accuracy: undefined,
      loss: score.loss,
      rows: `${counted(score.tokens, "held-out token")} of ${parties}`,
    }
    : { accuracy: score.accuracy, rows: `${counted(score.rows, "held-out row")} of ${parties}` };
}
