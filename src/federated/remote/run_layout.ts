/** The layout of a run, and what has to be of it. @module */

import type { AdapterBank, AdapterLayout } from "../../protocol/bank.ts";
import { decodeBank } from "../../protocol/bank_codec.ts";
import { UserError } from "../../protocol/errors.ts";
import type { RunManifest } from "../../protocol/manifest.ts";

/** A layout with nothing but what the protocol knows of it. */
export function layoutOf({ rank, modules, head }: AdapterLayout): AdapterLayout {
  return {
    rank,
    modules: modules.map(({ name, inFeatures, outFeatures }) => ({
      name,
      inFeatures,
      outFeatures,
    })),
    head: head.map(({ name, shape }) => ({ name, shape })),
  };
}

/** Whether two layouts are the same to the protocol, names and order included. */
export function isSameLayout(one: AdapterLayout, other: AdapterLayout): boolean {
  return JSON.stringify(layoutOf(one)) === JSON.stringify(layoutOf(other));
}

/**
 * Decodes a bank that a server sent.
 *
 * @throws SafetensorsError when it is none.
 * @throws UserError when it is not one of the run.
 */
export function readRunBank(
  bytes: Uint8Array,
  { name, layout, alpha }: Pick<RunManifest, "name" | "layout" | "alpha">,
): AdapterBank {
  const bank = decodeBank(bytes);
  if (isSameLayout(bank, layout) && bank.alpha === alpha) return bank;
  throw new UserError(
    `Cannot use the adapter of "${name}": expected the rank, alpha, modules and head of the run's manifest, got others`,
  );
}
