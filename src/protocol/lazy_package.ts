/**
 * Packages that are imported when first needed.
 *
 * @module
 */

import { UserError } from "./errors.ts";

/** transformers.js: its settings for the hub, and its tokenizers. About 500 MB. */
export const TRANSFORMERS_PACKAGE = "npm:@huggingface/transformers@4.3.1";

/**
 * Imports a package when it is first needed.
 *
 * Deno installs every package that it finds in a literal `import("npm:...")` before a program starts, used or not, so
 * the specifier has to reach `import` as a value. One that cannot be installed when needed fails at this call.
 *
 * @param specifier A pinned `npm:` specifier.
 * @returns The module; the caller states the shape it relies on.
 * @throws {UserError} when it is not there and cannot be fetched.
 */
export async function lazyPackage<Module>(specifier: string): Promise<Module> {
  try {
    return await import(specifier) as Module;
  } catch (error) {
    const { code, message } = error as Error & { readonly code?: string };
    if (code !== "ERR_MODULE_NOT_FOUND") throw error;
    const reason = message.split("\n").at(-1)!.replace(/^\s*\d+: /, "");
    throw new UserError(
      `Cannot load "${specifier}", which is fetched when it is first needed: ${reason}; ` +
        `where there is a network, run: deno cache --no-lock ${specifier}`,
      { cause: error },
    );
  }
}
