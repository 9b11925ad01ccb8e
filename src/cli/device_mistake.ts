/** What a user can mend where a device could not take a model. @module */

import { DeviceMemoryError } from "../engine/device.ts";
import { HalfRangeError } from "../engine/half.ts";
import { NoAdapterError } from "../engine/webgpu/adapter.ts";
import { HalfPrecisionError } from "../engine/webgpu/half_check.ts";
import { UserError } from "../protocol/errors.ts";

/**
 * The error to throw instead of one that opening a device or loading a model threw: a UserError where the device, the type of the base or the memory is at
 * fault, otherwise the same.
 *
 * @param advice what to do where the memory does not suffice
 */
export function deviceMistake(error: unknown, advice: string): unknown {
  if (error instanceof NoAdapterError) return new UserError(error.message);
  if (error instanceof HalfRangeError || error instanceof HalfPrecisionError) {
    return new UserError(`${error.message}; use --base-dtype f32`);
  }
  if (error instanceof DeviceMemoryError) return new UserError(`${error.message}; ${advice}`);
  return error;
}
