/** Gives a run's base model to its server, so that clients can fetch it by hash. @module */

import type { ModelIdentity } from "../../protocol/manifest.ts";
import { servedModelHash } from "../../protocol/served_model.ts";
import { type ModelFiles, ModelFolderError, modelPaths } from "../../weights/mod.ts";
import { modelFiles, putModelFile } from "./admin_api.ts";
import type { AdminServer } from "./admin_server.ts";
import { bytesText } from "../units.ts";

/** Uploads what the server does not have yet; an upload that was cut is done again, file by file. */
export async function serveModel(
  admin: AdminServer,
  model: ModelIdentity,
  files: ModelFiles,
  note: (text: string) => void,
): Promise<void> {
  const hash = await servedModelHash(model);
  const there = new Map((await modelFiles(admin, hash)).map(({ path, size }) => [path, size]));
  for (const path of await modelPaths(files)) {
    const file = await files.open(path);
    if (!file) throw new ModelFolderError(`Cannot find "${path}" in model "${files.label}"`);
    const size = await file.size();
    if (there.get(path) === size) continue;
    note(`Uploading ${path} (${bytesText(size)})`);
    await putModelFile(admin, hash, path, file);
  }
}
