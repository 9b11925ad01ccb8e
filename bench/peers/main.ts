/** `deno task bench:peers`: the engine beside PyTorch, jax-js and TensorFlow.js, by turns in one run. */

import { prepareGraphics } from "../../src/cli/graphics.ts";
import { UserError } from "../../src/protocol/errors.ts";
import type { Asked, Row } from "../harness/contest.ts";
import { describeMachine } from "../harness/machine.ts";
import { formatFigure, markdownTable, NOTHING } from "../harness/table.ts";
import {
  factLines,
  missingLines,
  runContests,
  runTask,
  type Task,
  writeResults,
} from "../harness/task.ts";
import { peerContests } from "./contests.ts";
import { betterCoreType, findTorch } from "./find_torch.ts";

const INSTALL = [
  "- PyTorch: `apt-get install python3-torch` or `pip install torch`; --python names the interpreter that has it",
  "- jax-js, TensorFlow.js: fetched from npm when this task runs, which takes a network",
];

const task: Task = {
  name: "deno task bench:peers",
  summary: "Measures the engine beside PyTorch, jax-js and TensorFlow.js, by turns in one run.",
  out: "bench/peers/results.json",
  python: true,
};

await runTask(task, async (options) => {
  prepareGraphics();
  const interpreters = options.python ? [options.python] : ["python3", "/usr/bin/python3"];
  const torch = await findTorch(interpreters, options.threads);
  if (options.python && !torch) {
    throw new UserError(`Cannot use --python ${options.python}: expected a Python with PyTorch`);
  }
  const cpuinfo = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  const peer = {
    python: torch?.python ?? interpreters[0],
    title: torch ? `PyTorch (${torch.facts.blas.replace(/, \d+ threads$/, "")})` : "PyTorch",
    better: torch && betterCoreType(torch.facts.blas, cpuinfo),
  };
  const contests = peerContests(await describeMachine(), peer, options.threads);
  const results = await runContests(contests, options);

  console.log(comparisonTable(results.rows));
  const missing = missingLines(results);
  console.log(`\n${[...missing, ...factLines(results)].join("\n")}`);
  if (missing.length > 0) console.log(`\nTo install what is missing:\n${INSTALL.join("\n")}`);
  await writeResults(options.out, results);
});

function comparisonTable(rows: readonly Row[]): string {
  return markdownTable(
    [
      { title: "what", align: "left" },
      { title: "ours", align: "right" },
      { title: "peer or limit", align: "left" },
      { title: "its figure", align: "right" },
      { title: "ratio", align: "right" },
      { title: "asked", align: "right" },
      { title: "reached", align: "left" },
    ],
    rows.map(({ what, unit, ours, peer }) => [
      what,
      withUnit(ours, unit),
      peer?.title ?? "",
      withUnit(peer?.figure, unit),
      peer?.ratio === undefined ? NOTHING : formatFigure(peer.ratio),
      peer?.asked === undefined ? "" : askedText(peer.asked),
      peer?.reached === undefined ? "" : peer.reached ? "yes" : "no",
    ]),
  );
}

function withUnit(figure: number | undefined, unit: string): string {
  return figure === undefined ? NOTHING : `${formatFigure(figure)} ${unit}`;
}

function askedText({ ratio, bound }: Asked): string {
  return `${{ "at least": "≥", "at most": "≤", "less than": "<" }[bound]} ${ratio}`;
}
