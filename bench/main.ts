/** `deno task bench`: how fast the engine is on this machine, beside the machine's own ceiling. */

import { prepareGraphics } from "../src/cli/graphics.ts";
import { ourContests } from "./contests.ts";
import { describeMachine } from "./harness/machine.ts";
import { formatFigure, markdownTable, NOTHING } from "./harness/table.ts";
import {
  factLines,
  missingLines,
  runContests,
  runTask,
  type Task,
  writeResults,
} from "./harness/task.ts";

const task: Task = {
  name: "deno task bench",
  summary: "Measures the engine on this machine, beside the machine's own ceiling.",
  out: "bench/results.json",
  python: false,
};

await runTask(task, async (options) => {
  prepareGraphics();
  const contests = ourContests(await describeMachine(), options.threads);
  const results = await runContests(contests, options);

  console.log(
    markdownTable(
      [
        { title: "what", align: "left" },
        { title: "best", align: "right" },
        { title: "median", align: "right" },
        { title: "unit", align: "left" },
        { title: "share", align: "left" },
      ],
      results.rows.map(({ what, ours, median, unit, peer }) => [
        what,
        ours === undefined ? NOTHING : formatFigure(ours),
        median === undefined ? NOTHING : formatFigure(median),
        unit,
        peer?.ratio === undefined ? "" : `${formatFigure(peer.ratio)} of the ${peer.title}`,
      ]),
    ),
  );
  if (results.machine.adapter === undefined) {
    console.log("\nNot measured: WebGPU, because there is no adapter");
  }
  console.log(`\n${[...missingLines(results), ...factLines(results)].join("\n")}`);
  await writeResults(options.out, results);
});
