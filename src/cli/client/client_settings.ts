/** How a client is started: by its flags at first, by what it remembers of them later. @module */

import { resolve } from "node:path";
import { defaultConfig, type RunConfig } from "../../federated/run_config.ts";
import type { DeviceName } from "../../federated/settings/execution.ts";
import { type ClientStore, readJson, writeJson } from "../../federated/remote/client_store.ts";
import { UserError } from "../../protocol/errors.ts";
import { isHubId } from "../sources.ts";
import type { ClientFlags } from "./flags.ts";

/** Settings that are the client's own for the whole run; null: not set. Paths are absolute. */
export interface ClientSettings {
  readonly name: string;
  readonly data: string;
  /** null: what is usual for the run's task. */
  readonly textColumn: string | null;
  readonly labelColumn: string | null;
  readonly heldOut: number;
  readonly evaluate: boolean;
  /** Folder, hub id or "server"; null: what the run names. */
  readonly model: string | null;
  readonly revision: string | null;
  readonly rank: number | null;
  readonly device: DeviceName;
  /** Of the CPU device; null: all. */
  readonly threads: number | null;
  readonly baseDtype: RunConfig["baseDtype"];
  readonly recompute: boolean;
  readonly offline: boolean;
  readonly cacheDir: string | null;
  readonly out: string | null;
}

/** The folder of a client's state. */
export function stateFolderOf({ state, name }: ClientFlags): string {
  if (state !== undefined) return state;
  if (name === undefined) throw needsName();
  // A name is for people; a folder's name has to suit every platform.
  return `hafl-clients/${name.replace(/[^\p{L}\p{N}_.-]/gu, "-").replace(/^\.+/, "-")}`;
}

/**
 * The settings of this start: what is given, and what is kept of earlier starts. They are to be kept with {@linkcode keepSettings} once they have
 * proved good: a flag that was a mistake must not come back when it is left out.
 *
 * @throws UserError when something is missing.
 */
export async function settleSettings(
  store: ClientStore,
  flags: ClientFlags,
): Promise<ClientSettings> {
  const kept = await readJson<ClientSettings>(
    store,
    "settings.json",
    ({ name, data }) => typeof name === "string" && typeof data === "string",
  );
  const name = flags.name ?? kept?.name;
  if (name === undefined) throw needsName();
  const data = flags.data !== undefined ? resolve(flags.data) : kept?.data;
  if (data === undefined) {
    throw new UserError("Cannot take part without data: give a file of texts with --data");
  }
  const out = flags.out !== undefined ? resolve(flags.out) : kept?.out ?? null;
  if (out !== null && out !== kept?.out) await requireEmpty(out);
  return {
    name,
    data,
    out,
    textColumn: flags.textColumn ?? kept?.textColumn ?? null,
    labelColumn: flags.labelColumn ?? kept?.labelColumn ?? null,
    heldOut: flags.heldOut ?? kept?.heldOut ?? 0.1,
    evaluate: flags.evaluate ?? kept?.evaluate ?? false,
    model: flags.model !== undefined ? await modelPlace(flags.model) : kept?.model ?? null,
    // A revision is one of its model.
    revision: flags.revision ?? (flags.model === undefined ? kept?.revision : null) ?? null,
    rank: flags.rank ?? kept?.rank ?? null,
    device: flags.device ?? kept?.device ?? defaultConfig.device,
    threads: flags.threads ?? kept?.threads ?? null,
    baseDtype: flags.baseDtype ?? kept?.baseDtype ?? defaultConfig.baseDtype,
    recompute: flags.recompute ?? kept?.recompute ?? defaultConfig.recompute,
    offline: flags.offline ?? kept?.offline ?? false,
    cacheDir: typeof flags.cacheDir === "string" ? resolve(flags.cacheDir) : kept?.cacheDir ?? null,
  };
}

/** Keeps settings for later starts. */
export async function keepSettings(store: ClientStore, settings: ClientSettings): Promise<void> {
  await writeJson(store, "settings.json", settings);
}

function needsName(): UserError {
  return new UserError("Cannot start a client without a name: give it one with --name");
}

/** A folder's absolute path; a hub id and "server" as they are. */
async function modelPlace(model: string): Promise<string> {
  const isFolder = !isHubId(model) || await Deno.stat(model).then(() => true, () => false);
  return isFolder && model !== "server" ? resolve(model) : model;
}

async function requireEmpty(folder: string): Promise<void> {
  const names = await Array.fromAsync(Deno.readDir(folder)).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  });
  if (names.length === 0) return;
  throw new UserError(
    `Cannot keep the adapter in "${folder}": it is not empty; use another --out`,
  );
}
