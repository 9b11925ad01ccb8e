/**
 * `deno task split`: writes each client's share of a data file, the shares that a simulation with the same settings deals.
 *
 * @module
 */
import { join } from "node:path";
import { jsonLines, splitData } from "../data/mod.ts";
import { dealSamples } from "../federated/prepare.ts";
import { checkEffects } from "../federated/check_effects.ts";
import { completeRunConfig } from "../federated/complete_run_config.ts";
import { defaultConfig } from "../federated/run_config.ts";
import { UserError } from "../protocol/errors.ts";
import { runCommand } from "./errors.ts";
import { readCommandLine } from "./flags.ts";
import { removeIfThere } from "./remove_if_there.ts";
import { writeAtomically } from "./write_atomically.ts";
import { dataKeys, dealKeys, openData } from "./sources.ts";
import { counted, countText } from "./units.ts";

const description = {
  name: "deno task split",
  summary:
    "Writes each client's share of a data file, as the simulation deals it, with the held-out rows and the label set.",
  settings: [...dataKeys, ...dealKeys, "out", "overwrite"] as const,
  help: {
    seed: "the same seed deals the same shares",
    out: "folder of the shares (default: shares)",
    overwrite: "replace the shares that --out already holds",
  },
};

if (import.meta.main) {
  await runCommand(async () => {
    const given = await readCommandLine(Deno.args, description);
    const { out = "shares", clients = defaultConfig.clients } = given;
    const config = completeRunConfig({ ...given, ranks: [1], clients, out });
    checkEffects(given, config);
    const data = await openData(config);
    const shares = splitData(data, dealSamples(config, data));
    await clear(out, config.overwrite);
    const digits = Math.max(2, String(clients).length);
    for (const [client, share] of shares.entries()) {
      const name = `client-${String(client + 1).padStart(digits, "0")}.jsonl`;
      await writeAtomically(join(out, name), jsonLines(share));
      console.log(`${join(out, name)}  ${counted(share.train.length, "row")}`);
    }
    const heldOut = { ...data, train: [] };
    await writeAtomically(join(out, "held-out.jsonl"), jsonLines(heldOut));
    const test = counted(data.test.length, "test row");
    console.log(
      `${join(out, "held-out.jsonl")}  ${countText(data.validation.length)} validation and ${test}`,
    );
    await writeLabels(join(out, "labels.txt"), data.labels);
  });
}

/** Writes the label set; texts that need none leave no file, nor one of an earlier split. */
async function writeLabels(path: string, labels: readonly string[]): Promise<void> {
  if (labels.length === 0) return await removeIfThere(path);
  await writeAtomically(path, labels.join("\n") + "\n");
  console.log(`${path}  ${labels.length} labels`);
}

/** Removes the shares of an earlier split, all of them: one left over would be a second owner of its rows. */
async function clear(folder: string, overwrite: boolean): Promise<void> {
  const entries = await Array.fromAsync(Deno.readDir(folder)).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  });
  if (overwrite) {
    const shares = entries.filter(({ name }) => /^client-\d+\.jsonl$/.test(name));
    for (const { name } of shares) await Deno.remove(join(folder, name));
    return;
  }
  if (entries.length === 0) return;
  throw new UserError(
    `Cannot write shares to "${folder}": it is not empty; use another --out, or --overwrite`,
  );
}
