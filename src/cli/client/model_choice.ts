/** Which copy of the base model a client uses. @module */

import { UserError } from "../../protocol/errors.ts";
import { builtInBaseName } from "../../protocol/manifest.ts";
import { isHubId } from "../sources.ts";
import type { ClientSettings } from "./client_settings.ts";
import type { ModelChoice } from "./messages.ts";
import { downloadModel, type ServerModelRequest } from "./server_model.ts";

/** What {@linkcode chooseModel} goes by. */
export interface ModelRequest extends ServerModelRequest {
  readonly settings: Pick<ClientSettings, "model" | "revision">;
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
  // A folder's own name looks like a hub id of old, of somebody else.
  if (isHubId(wanted.name) && wanted.name.includes("/")) {
    return { model: wanted.name, revision: revision ?? wanted.revision, given: false };
  }
  throw new UserError(
    `Cannot join "${name}" without its base model "${wanted.name}": give its folder or hub id with --model, or use --model server`,
  );
}
