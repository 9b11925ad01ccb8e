/** A checkpoint's weights by the names that a model's family uses. @module */

import { isTransposed, type Model, storedName } from "../models/mod.ts";
import { UserError } from "../protocol/errors.ts";
import { type ModelFiles, openWeights, type WeightSource, withPrefixes } from "../weights/mod.ts";
import { transpose } from "../weights/transpose.ts";

/**
 * Opens a model's weights, however its checkpoint keeps them: without its prefix, under the name of a tensor that is tied to another, or transposed. A
 * weight that is not finite, which would look like divergence, is refused when it is loaded. `names` are the checkpoint's own.
 *
 * @throws UserError as `openWeights` does; loading throws it for what is missing, of another shape or not finite.
 */
export async function openModelWeights(files: ModelFiles, model: Model): Promise<WeightSource> {
  const stored = withPrefixes(await openWeights(files), model.prefixes);
  const resolve = (name: string): string => storedName(model, name, stored.has);
  return {
    names: stored.names,
    has: (name) => stored.has(resolve(name)),
    shape(name) {
      const shape = stored.shape(resolve(name));
      return isTransposed(name) ? shape.toReversed() : shape;
    },
    async load(name, shape) {
      const turned = isTransposed(name);
      const data = await stored.load(resolve(name), turned ? shape.toReversed() : shape);
      const bad = data.findIndex((value) => !Number.isFinite(value));
      if (bad < 0) return turned ? transpose(data, shape[1], shape[0]) : data;
      throw new UserError(
        `Cannot load "${name}": expected finite numbers, got ${data[bad]} at index ${bad}`,
      );
    },
  };
}
