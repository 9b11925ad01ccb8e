/** A client from its flags to the end of its run. @module */

import { join } from "node:path";
import { fetchManifest } from "../../federated/remote/api.ts";
import { runClient } from "../../federated/remote/client_loop.ts";
import type { Connection } from "../../federated/remote/connection.ts";
import { readServerUrl } from "../../federated/remote/invitation_url.ts";
import { readManifest } from "../../federated/remote/read_manifest.ts";
import { timerSleep, usualPatience } from "../../federated/remote/retry.ts";
import { readRunBank } from "../../federated/remote/run_layout.ts";
import { manifestConfig } from "../../federated/remote/training_settings.ts";
import { keyOf, settleSeat, takeSeat } from "../../federated/remote/seat.ts";
import { exportPeft } from "../../lora/peft.ts";
import { UserError } from "../../protocol/errors.ts";
import type { RunManifest } from "../../protocol/manifest.ts";
import { deviceText } from "../device_text.ts";
import { onInterrupt } from "../interrupt.ts";
import { isPrivate } from "../private_address.ts";
import { readFile } from "../sources.ts";
import { writeAtomically } from "../write_atomically.ts";
import {
  type ClientSettings,
  keepSettings,
  settleSettings,
  stateFolderOf,
} from "./client_settings.ts";
import type { ClientFlags } from "./flags.ts";
import { chooseModel } from "./model_choice.ts";
import { readingOf } from "../adapter_reading.ts";
import type { ClientOutput } from "./output.ts";
import { settleRank } from "./settle_rank.ts";
import { openStateFolder } from "./state_folder.ts";
import { type WorkerTrainer, workerTrainer } from "./worker_trainer.ts";

/** Milliseconds without a byte after which a connection counts as cut. */
const STALL = 30_000;

/**
 * Takes part until the run ends.
 *
 * @throws UserError for whatever is the person's to mend, and when the server does not want the client any more.
 * @throws InterruptedError at Ctrl-C.
 */
export async function takePartInRun(flags: ClientFlags, output: ClientOutput): Promise<void> {
  const link = flags.server === undefined ? undefined : readServerUrl(flags.server);
  const path = stateFolderOf(flags);
  using store = await openStateFolder(path);
  const settings = await settleSettings(store, flags);
  await readFile(settings.data); // what is missing is to be found before an invitation is used
  const where = { server: link?.server, invitation: link?.invitation };
  const kept = await settleSeat(store, where, path);
  if (!isPrivate(kept.server)) {
    output.note(
      `${kept.server} is reached without https: others on the way can read adapters and change them`,
    );
  }
  let isRemembered = false;
  using interrupt = onInterrupt(() => isRemembered ? goOnText(flags) : againText);
  const connection: Connection = {
    server: kept.server,
    key: await keyOf(store),
    fetch,
    now: Date.now,
    sleep: timerSleep,
    random: Math.random,
    patience: usualPatience,
    stall: STALL,
    signal: interrupt.signal,
    onReach: (trouble) => output.reach(kept.server, trouble),
  };
  const seat = await takeSeat(connection, store, kept, settings.name);
  checkRole(seat.role, settings);
  const manifest = readManifest(await fetchManifest(connection, seat.run));
  const { cacheDir, offline } = settings;
  const { prepare } = output;
  const model = await chooseModel({
    manifest,
    settings,
    connection,
    cacheDir,
    onProgress: prepare,
  });

  const trainer = startTrainer(output, interrupt.signal);
  try {
    const opened = await trainer.open({
      manifest,
      model,
      data: settings,
      device: {
        device: settings.device,
        threads: settings.threads ?? navigator.hardwareConcurrency,
      },
      baseDtype: settings.baseDtype,
      recompute: settings.recompute,
      offline,
      cacheDir,
    });
    const samples = seat.role === "evaluator" ? opened.heldOut : opened.samples;
    const rank = await settleRank({
      connection,
      manifest,
      seat,
      samples,
      rank: settings.rank,
      measureStep: trainer.measure,
      clock: () => performance.now(),
    });
    // Measured once: a machine that is busy at the next start is still the same machine.
    const isMeasured = manifest.ranks.kind === "auto" && rank > 0;
    await keepSettings(store, isMeasured ? { ...settings, rank } : settings);
    isRemembered = true;
    output.introduce({
      server: kept.server,
      run: seat.run,
      runName: manifest.name,
      rounds: manifest.rounds,
      name: settings.name,
      client: seat.client,
      role: seat.role,
      rank,
      samples: opened.samples,
      heldOut: opened.heldOut,
      model: manifest.model.name,
      device: deviceText(opened.device),
      state: path,
    });
    const end = await runClient({
      connection,
      seat,
      manifest,
      store,
      trainer,
      heldOutRows: opened.heldOut,
      onEvent: output.event,
    });
    if (end.kind === "stopped") return output.end({ ...end, adapter: null });
    const { kind, rounds, heldOut, bank } = end;
    if (settings.out !== null) await writeAdapter(settings.out, manifest, bank);
    output.end({ kind, rounds, heldOut, adapter: settings.out });
  } finally {
    await trainer.close();
  }
}

function startTrainer(output: ClientOutput, signal: AbortSignal): WorkerTrainer {
  const url = new URL("./training_worker.ts", import.meta.url);
  return workerTrainer(new Worker(url, { type: "module" }), output, signal);
}

const againText = "Stopped; start again with the same flags";

function goOnText({ name, state }: ClientFlags): string {
  const flags = [
    ...(name === undefined ? [] : [`--name ${JSON.stringify(name)}`]),
    ...(state === undefined ? [] : [`--state ${JSON.stringify(state)}`]),
  ];
  return `Stopped; go on with: deno task client ${flags.join(" ")}`;
}

function checkRole(role: "client" | "evaluator", { evaluate }: ClientSettings): void {
  if (role === "evaluator" && !evaluate) {
    throw new UserError(
      "Cannot train: the invitation is an evaluator's; add --evaluate to score adapters with --data",
    );
  }
  if (role === "client" && evaluate) {
    throw new UserError("Cannot evaluate: the invitation is a client's; leave out --evaluate");
  }
}

async function writeAdapter(
  folder: string,
  manifest: RunManifest,
  bank: Uint8Array,
): Promise<void> {
  const { model, training, labels } = manifest;
  const files = exportPeft(readRunBank(bank, manifest), {
    baseModel: model.name,
    revision: model.revision,
    loraDropout: Number(training.loraDropout),
    baseHash: model.hash,
    labels,
    reading: readingOf(manifestConfig(manifest)),
  });
  for (const [name, content] of Object.entries(files)) {
    await writeAtomically(join(folder, name), content);
  }
}
