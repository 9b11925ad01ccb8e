/** Which copy of the base model a client uses. @module */

import { join } from "node:path";
import { fetchModelFile, listModelFiles } from "../../federated/remote/api.ts";
import type { Connection } from "../../federated/remote/connection.ts";
import { UserError } from "../../protocol/errors.ts";
import { builtInBaseName, type RunManifest } from "../../protocol/manifest.ts";
import { modelHash } from "../../weights/mod.ts";
import { folderCache, folderFiles } from "../deno_files.ts";
import type { Preparation } from "../progress.ts";
import { cacheFolder, isHubId } from "../sources.ts";
import type { ClientSettings } from "./client_settings.ts";
import type { ModelChoice } from "./messages.ts";

/** What {@linkcode chooseModel} goes by. */
export interface ModelRequest {
  readonly manifest: RunManifest;
  readonly settings: Pick<ClientSettings, "model" | "revision">;
  readonly connection: Connection;
  readonly cacheDir: string | null;
  readonly onProgress: (preparation: Preparation) => void;
}

/**
 * The model that the run names, the one that the person names, or the server's own copy, which is downloaded into the cache once.
 *
 * @throws UserError when the run's model has to be named by the person, or the server's copy is not the run's model.
 */
export async function chooseModel(request: ModelRequest): Promise<ModelChoice> {
  const { manifest: { name, model: wanted }, settings: { model, revision } } = request;
  if (model === "server") {
    return { model: await downloadModel(request), revision: null, given: true };
  }
  if (model !== null) {
    const known = model === wanted.name ? wanted.revision : null;
    return { model, revision: revision ?? known, given: true };
  }
  if (wanted.name === builtInBaseName) return { model: null, revision: null, given: false };
  if (isHubId(wanted.name)) {
    return { model: wanted.name, revision: revision ?? wanted.revision, given: false };
  }
  throw new UserError(
    `Cannot join "${name}": its base model "${wanted.name}" is neither built in nor on the hub; give its folder with --model, or use --model server`,
  );
}

async function downloadModel(
  { manifest, connection, cacheDir, onProgress }: ModelRequest,
): Promise<string> {
  const { hash } = manifest.model;
  // It becomes a folder's name.
  if (!/^[0-9a-f]{64}$/.test(hash)) {
    throw new UserError(`Cannot join "${manifest.name}": its model's hash "${hash}" is none`);
  }
  const folder = join(cacheFolder({ cacheDir }), "models", hash);
  const files = await listModelFiles(connection, hash);
  if (files.length === 0) {
    throw new UserError(
      `Cannot download the base model: the server has no copy of "${manifest.model.name}"; give it with --model`,
    );
  }
  const cache = folderCache(folder);
  for (const { path, size } of files) {
    if (!isInside(path)) {
      throw new UserError(`Cannot download the base model: "${path}" is no path inside its folder`);
    }
    // A file is in the cache only when it is complete.
    if (await cache.match(path)) continue;
    const label = `Downloading ${path}`;
    await fetchModelFile(connection, hash, path, async (body) => {
      let done = 0;
      const counted = body.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller) {
            done += chunk.length;
            onProgress({ label, done, total: size });
            controller.enqueue(chunk);
          },
        }),
      );
      await cache.put(path, counted);
    });
  }
  const found = await modelHash(folderFiles(folder));
  if (found === hash) return folder;
  await Deno.remove(folder, { recursive: true });
  throw new UserError(
    `Cannot use the server's copy of "${manifest.model.name}": expected hash ${
      hash.slice(0, 16)
    }, got ${found.slice(0, 16)}`,
  );
}

/** Whether a path stays in the folder that it is relative to, on every platform. */
function isInside(path: string): boolean {
  return path.split("/").every((part) => /^[\w-][\w. -]*$/.test(part));
}
