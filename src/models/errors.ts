/** The conditions under which a model's config.json cannot be used. @module */

import { UserError } from "../protocol/errors.ts";

/** The config asks for something that no family here implements; the message names the setting, what is supported and what it says. */
export class UnsupportedModelError extends UserError {
  /** The class's name, as errors carry it. */
  override name = "UnsupportedModelError";
}

/** The config lacks a setting that the model needs, or its settings do not fit each other. */
export class ModelConfigError extends UserError {
  /** The class's name, as errors carry it. */
  override name = "ModelConfigError";
}
