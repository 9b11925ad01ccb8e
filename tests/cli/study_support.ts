/** A study that is as small as can be, in a folder of its own. */

import { join } from "node:path";
import { randomStream } from "../../src/protocol/random.ts";
import { type Ended, runCli } from "./command.ts";

/** A folder with a study and its data. */
export interface StudyFolder {
  readonly path: string;
  /** Where its results go. */
  readonly out: string;
  /** Runs `deno task study` on it. */
  run(...flags: string[]): Promise<Ended>;
  /** What `run` gives to the command beside flags of a test's own. */
  readonly args: readonly string[];
  /** Writes the study with some entries changed. */
  write(changes?: object): Promise<void>;
  /** Parses a file of the results. */
  // deno-lint-ignore no-explicit-any -- tests read what they expect
  read(path: string): Promise<any>;
}

const study = {
  name: "Tiny",
  settings: {
    data: "posts.jsonl",
    clients: 3,
    ranks: [1, 2, 4],
    rounds: 2,
    localSteps: 2,
    batch: 4,
    seqLen: 16,
    evalBatch: 16,
  },
  cells: { iid: { partition: "iid" } },
  methods: { IFALoRA: {}, ITZLoRA: {} },
  grid: [{ cells: ["iid"], methods: ["IFALoRA", "ITZLoRA"], seeds: [1, 2] }],
};

/** The study of the tests, as its file has it. */
export const tinyStudy: Readonly<Record<string, unknown>> = study;

/** Settings of the study, with some changed. */
export function tinySettings(changes: object): object {
  return { ...study.settings, ...changes };
}

/** Makes a folder with the study and its data; `cache` lies beside it, so that texts are tokenized once. */
export async function studyFolder(parent: string, name: string): Promise<StudyFolder> {
  const path = join(parent, name);
  await Deno.mkdir(path);
  await Deno.writeTextFile(join(path, "posts.jsonl"), posts());
  const out = join(path, "results");
  const args = [
    join(path, "study.json"),
    `--out=${out}`,
    "--device=cpu",
    "--jobs=1",
    `--cache-dir=${join(parent, "cache")}`,
  ];
  const folder: StudyFolder = {
    path,
    out,
    args,
    run: (...flags) => runCli("study", [...args, ...flags]),
    write: (changes = {}) =>
      Deno.writeTextFile(join(path, "study.json"), JSON.stringify({ ...study, ...changes })),
    read: async (file) => JSON.parse(await Deno.readTextFile(join(out, file))),
  };
  await folder.write();
  return folder;
}

/** Posts of three labels, each with words of its own. */
function posts(): string {
  const words = [["ball", "goal", "team"], ["bank", "loan", "rate"], ["rain", "wind", "snow"]];
  const labels = ["sport", "money", "weather"];
  const stream = randomStream(5, "posts");
  return Array.from({ length: 90 }, (_, row) => {
    const label = row % 3;
    const text = Array.from({ length: 5 }, () => words[label][stream.integer(3)]).join(" ");
    const split = row < 75 ? "train" : "test";
    return JSON.stringify({ id: `${row}`, text, label: labels[label], split }) + "\n";
  }).join("");
}
