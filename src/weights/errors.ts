/** The conditions under which model files cannot be used. */
import { UserError } from "../protocol/errors.ts";

/** A folder (or hub repository) lacks a file that a model needs, or that file is not what its name says. */
export class ModelFolderError extends UserError {
  /** The class's name, for logs. */
  override name = "ModelFolderError";
}

/** A weights file cannot be read, or a tensor in it is missing, has another shape or an unsupported dtype. */
export class WeightsError extends UserError {
  /** The class's name, for logs. */
  override name = "WeightsError";
}

/** A hub repository cannot be reached, does not exist, or is not in the cache while offline. */
export class HubError extends UserError {
  /** The class's name, for logs. */
  override name = "HubError";
}
