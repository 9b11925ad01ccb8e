import assert from "node:assert/strict";
import { join } from "node:path";
import { readStudyFile } from "../../src/cli/study/study_file.ts";
import { checkRuns } from "../../src/cli/study/study_state.ts";
import { root } from "./command.ts";
import { studyFolder, tinySettings, tinyStudy } from "./study_support.ts";

const folder = await Deno.makeTempDir({ prefix: "hafl-study-mistakes-test-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

Deno.test("study refuses a mistake before anything is written", async () => {
  const study = await studyFolder(folder, "mistaken");
  const refused = async (changes: object, message: RegExp) => {
    await study.write(changes);
    const { code, err } = await study.run();
    assert.equal(code, 2, err);
    assert.match(err, message);
    assert.equal(await Deno.stat(study.out).then(() => true, () => false), false);
  };
  await refused(
    { methods: { IFALoRA: { lrr: 1 } } },
    /^error: Unknown setting methods\.IFALoRA\.lrr/,
  );
  await refused(
    { settings: tinySettings({ rank: 2 }) },
    /^error: Cannot run IFALoRA in iid, seed 1: Cannot give a client rank 4 .*server's rank, 2/,
  );
  await refused(
    { methods: { IFALoRA: {}, ITZLoRA: {}, unused: { method: "fedit" } } },
    /^error: Cannot run unused in iid, seed 1: .* use --ranks 4/,
  );
  await refused(
    { settings: tinySettings({ temperature: 2 }) },
    /^error: Cannot use settings\.temperature with selection greedy: /,
  );
  const twice = JSON.stringify(tinyStudy).replace("{", '{ "name": "Twice", ');
  await Deno.writeTextFile(join(study.path, "study.json"), twice);
  assert.match((await study.run()).err, /expected each key once, got "name" twice/);
  await Deno.writeTextFile(join(study.path, "study.json"), "{");
  const { code, err } = await study.run();
  assert.deepEqual([code, err.split("\n").length], [2, 2]);
  assert.match(err, /^error: Cannot read study /);
});

Deno.test("study names the run whose texts cannot be used", async () => {
  const study = await studyFolder(folder, "unreadable");
  await study.write({ cells: { iid: { partition: "given" } } });
  const { code, err } = await study.run();
  assert.equal(code, 2);
  assert.match(err, /^error: Cannot run IFALoRA in iid, seed 1: Cannot use --partition given/);
  await study.write({ settings: tinySettings({ rank: 999 }) });
  assert.match((await study.run()).err, /seed 1: Cannot use --rank 999: expected at most 128, /);
});

Deno.test("examples/study.json can be run as it stands", async () => {
  const study = await readStudyFile(`${root}examples/study.json`);
  checkRuns(study, { device: "cpu", threads: 1, offline: true, cacheDir: null });
});
