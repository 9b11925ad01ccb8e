/**
 * `deno task study`: a grid of runs over methods, seeds and data, and a report on them.
 *
 * @module
 */
import { join } from "node:path";
import type { Study } from "../study/study.ts";
import type { StudyResults } from "../study/study_results.ts";
import { unfinishedRuns } from "../study/unfinished_runs.ts";
import { runCommand } from "./errors.ts";
import { prepareGraphics } from "./graphics.ts";
import { type Interrupt, onInterrupt } from "./interrupt.ts";
import { endLines } from "./study/end_text.ts";
import { fingerprinter } from "./study/fingerprints.ts";
import { helpText, readStudyFlags, type StudyFlags } from "./study/flags.ts";
import {
  checkStudyFolder,
  openStudyFolder,
  recordedStudy,
  requireStudyFolder,
  writeStudy,
} from "./study/folder.ts";
import { listLines } from "./study/list_text.ts";
import { chooseMachine, machineText } from "./study/machine.ts";
import { createPool } from "./study/pool.ts";
import { prepareSources } from "./study/prepare_sources.ts";
import { type StudyProgress, studyProgress, terminalOutput } from "./study/progress.ts";
import { readResults } from "./study/report/read_results.ts";
import { runStudy } from "./study/run_study.ts";
import { readStudyFile } from "./study/study_file.ts";
import { checkRuns, readState, toDo } from "./study/study_state.ts";
import { startWorker } from "./study/worker_process.ts";
import { writeReport } from "./study/write_report.ts";

const readStateOf = (study: Study, flags: StudyFlags) =>
  readState(study, flags.out, flags, fingerprinter());

/** Prints how far a study is. */
async function list(study: Study, flags: StudyFlags): Promise<void> {
  for (const line of listLines(await readStateOf(study, flags))) console.log(line);
}

/** Fills the cache of tokens with what the runs to do will ask for. */
async function prepare(
  study: Study,
  flags: StudyFlags,
  progress: StudyProgress,
  interrupt: Interrupt,
): Promise<void> {
  const { trials, grid } = await readStateOf(study, flags);
  const runs = toDo([...trials, ...grid]).map(({ run }) => run);
  const kinds = await prepareSources(runs, true, progress.note, (done, total) => {
    interrupt.check();
    progress.prepare(done, total);
  });
  progress.note(`Prepared ${kinds === 1 ? "one set" : `${kinds} sets`} of texts`);
}

/** Writes the report on what is done, and says what is not. */
async function report(
  study: Study,
  { out }: StudyFlags,
  progress: StudyProgress,
): Promise<StudyResults> {
  const results = await readResults(out, await recordedStudy(study));
  await writeReport(out, results);
  progress.note(`Report   ${join(out, "report.html")}`);
  for (const line of endLines(results)) progress.note(line);
  return results;
}

/** Makes the runs that are to do, and reports; the exit code is 1 where a run came to no result. */
async function run(
  study: Study,
  flags: StudyFlags,
  progress: StudyProgress,
  interrupt: Interrupt,
): Promise<number> {
  prepareGraphics();
  const machine = await chooseMachine(flags);
  progress.note(`Study    ${study.name}`);
  progress.note(`Folder   ${flags.out}`);
  progress.note(`Machine  ${machineText(machine)}`);
  const pool = createPool(machine.jobs, startWorker, interrupt.signal);
  try {
    await runStudy({
      study,
      folder: flags.out,
      surroundings: { ...flags, device: machine.device },
      pool,
      progress,
      check: interrupt.check,
    });
    return unfinishedRuns(await report(study, flags, progress)).length === 0 ? 0 : 1;
  } finally {
    await pool.close();
  }
}

if (import.meta.main) {
  await runCommand(async () => {
    const flags = readStudyFlags(Deno.args);
    if (flags === undefined) return console.log(helpText);
    const study = await readStudyFile(flags.file);
    checkRuns(study, flags);
    await checkStudyFolder(flags.out, study);
    const progress = studyProgress(terminalOutput());
    using interrupt = onInterrupt(() =>
      "Stopped; what is done is kept, and the same command goes on from there"
    );
    let code = 0;
    try {
      switch (flags.action) {
        case "list":
          await list(study, flags);
          break;
        case "prepare":
          await prepare(study, flags, progress, interrupt);
          break;
        case "report-only": {
          await requireStudyFolder(flags.out);
          using _lock = await openStudyFolder(flags.out, study);
          await report(study, flags, progress);
          await writeStudy(flags.out, study);
          break;
        }
        case "run":
          code = await run(study, flags, progress, interrupt);
          break;
        default:
          flags.action satisfies never;
      }
    } finally {
      progress.close();
    }
    if (code !== 0) Deno.exit(code);
  });
}
