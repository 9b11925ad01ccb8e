/**
 * Packages that are imported when first needed.
 *
 * @module
 */

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
 */
export async function lazyPackage<Module>(specifier: string): Promise<Module> {
  return await import(specifier) as Module;
}
