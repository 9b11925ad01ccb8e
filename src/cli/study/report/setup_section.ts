/**
 * What was run, exactly.
 *
 * @module
 */

import { settingsText } from "../../../federated/setting_text.ts";
import { gridMethods } from "../../../study/grid.ts";
import type { StudyRun } from "../../../study/result.ts";
import { placeText } from "../../../study/run_place.ts";
import {
  cellsOf,
  failuresOf,
  hasFailed,
  runsOf,
  seedsOf,
  type StudyResults,
} from "../../../study/study_results.ts";
import { chooseTrials } from "../../../study/tuning.ts";
import { counted, countText, durationText, percentText } from "../../units.ts";
import type { Block, Section, Table } from "./document.ts";
import { nothing, rangesText } from "./number_text.ts";
import { settingBlocks } from "./setting_blocks.ts";

/** Settings, seeds, failures, tuning, versions and devices. */
export function setupSection(results: StudyResults): Section {
  const { failed, runs } = results;
  return {
    title: "What was run",
    blocks: [
      ...(runs.length === 0 ? [] : settingBlocks(results)),
      seedTable(results),
      ...(failed.length === 0 ? [] : [
        {
          kind: "list",
          title: "Runs that failed",
          about: "They are in no mean and in no comparison.",
          items: failed.map((run) => `${placeText(run)}: ${run.failed}`),
        } as const,
      ]),
      ...tuningBlocks(results),
      ...(runs.length === 0 ? [] : [machineList(results)]),
    ],
  };
}

function seedTable(results: StudyResults): Table {
  const { study } = results;
  const cells = cellsOf(study);
  const rows = gridMethods(study).map((method) => ({
    cells: [method, ...cells.map((cell) => seedText(results, cell, method))],
  }));
  return {
    kind: "table",
    title: "Seeds",
    texts: cells.length + 1,
    head: ["Method", ...cells],
    rows,
  };
}

function seedText(results: StudyResults, cell: string, method: string): string {
  const planned = seedsOf(results.study, cell, method);
  if (planned.length === 0) return nothing;
  const done = runsOf(results, cell, method).map(({ seed }) => seed);
  const failed = failuresOf(results, cell, method).map(({ seed }) => seed);
  const missing = planned.filter((seed) => !done.includes(seed) && !failed.includes(seed));
  return [
    ...(done.length > 0 ? [rangesText(done)] : []),
    ...(failed.length > 0 ? [`failed: ${rangesText(failed)}`] : []),
    ...(missing.length > 0 ? [`missing: ${rangesText(missing)}`] : []),
  ].join("; ");
}

function tuningBlocks({ study, trials }: StudyResults): Block[] {
  const { tuning } = study;
  if (tuning === undefined) return [];
  const choices = chooseTrials(study, trials);
  const methods = Object.keys(study.methods).filter((method) =>
    trials.some((run) => run.method === method)
  );
  const rows = methods.map((method) => {
    const chosen = choices?.methods[method]?.chosen;
    return {
      cells: [
        method,
        ...tuning.trials.map((_, trial) => {
          const run = trials.find((run) => run.method === method && run.trial === trial);
          if (run === undefined) return "missing";
          if (hasFailed(run)) return "failed";
          const told = percentText(run.summary.final.accuracy);
          return trial === chosen ? `✓ ${told}` : told;
        }),
      ],
    };
  });
  const settings = settingsText(Object.entries(tuning.settings));
  return [{
    kind: "table",
    title: "Tuning",
    about: `In cell ${tuning.cell} with seed ${tuning.seed}${
      settings === "" ? "" : ` and ${settings}`
    }: validation accuracy after the last round of each trial; ✓ is what the runs above use.`,
    texts: 1,
    head: [
      "Method",
      ...tuning.trials.map((trial) => settingsText(Object.entries(trial))),
    ],
    rows,
  }];
}

/** How many clients' rounds were lost or came late, where any were. */
function attendanceItems(runs: readonly StudyRun[]): string[] {
  const records = runs.flatMap(({ rounds }) => rounds.map(({ attendance }) => attendance));
  const sum = (key: "sampled" | "vanished" | "late"): number =>
    records.reduce((total, record) => total + record[key], 0);
  if (sum("vanished") + sum("late") === 0) return [];
  return [
    `Of ${countText(sum("sampled"))} times that a client was asked to train, ` +
    `${countText(sum("vanished"))} times it vanished and ${countText(sum("late"))} times its ` +
    `update came late`,
  ];
}

function machineList({ runs, trials }: StudyResults): Block {
  const made = [...runs, ...trials.filter((run) => !hasFailed(run))] as StudyRun[];
  const tallied = (of: (run: StudyRun) => string): string =>
    [...Map.groupBy(made, of)].map(([name, group]) => `${name} (${counted(group.length, "run")})`)
      .join("; ");
  const distinct = (of: (run: StudyRun) => string): string => [...new Set(made.map(of))].join("; ");
  const started = made.map(({ facts }) => facts.started.slice(0, 16).replace("T", " ")).sort();
  const seconds = made.reduce((sum, { summary }) => sum + summary.seconds, 0);
  return {
    kind: "list",
    title: "Machines, versions and files",
    items: [
      `Devices: ${tallied(({ facts }) => facts.device)}`,
      `HAFL ${tallied(({ facts }) => facts.version)}`,
      `Data: ${distinct(({ facts, data }) => `${facts.data} (${data})`)}`,
      `Base: ${distinct(({ facts, model }) => `${facts.model} (${model})`)}`,
      `From ${started[0]} to ${started.at(-1)} (the starts of the first and the last run); ` +
      `${durationText(seconds)} of rounds in all`,
      ...attendanceItems(made),
      ...noteItems(made),
    ],
  };
}

/** What runs tell of themselves, each with the methods whose runs do, unless all do. */
function noteItems(runs: readonly StudyRun[]): string[] {
  const all = new Set(runs.map(({ method }) => method)).size;
  const told = runs.flatMap(({ method, facts }) => facts.notes.map((note) => ({ method, note })));
  return [...Map.groupBy(told, ({ note }) => note)].map(([note, tellers]) => {
    const methods = [...new Set(tellers.map(({ method }) => method))];
    return methods.length === all ? note : `${methods.join(", ")}: ${note}`;
  });
}
