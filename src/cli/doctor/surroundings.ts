/** What a machine has that training or its comforts need. @module */

import { join } from "node:path";
import { TRANSFORMERS_PACKAGE } from "../../protocol/lazy_package.ts";
import { readOsRelease } from "../setup.ts";
import { namesIn } from "../working_folder.ts";
import type { GraphicsFacts } from "./adapters.ts";

/** Where the loader of Vulkan looks for drivers on Linux. */
const driverFolders = [
  "/etc/vulkan/icd.d",
  "/usr/local/share/vulkan/icd.d",
  "/usr/share/vulkan/icd.d",
];

/** Milliseconds that the hub has to answer. */
const HUB_TIMEOUT = 5000;
const HUB = "https://huggingface.co/";

/** What a machine has beside its devices. */
export interface Surroundings {
  readonly graphics: GraphicsFacts;
  /** Whether the permission for native code is given, which transformers.js needs. */
  readonly nativeCode: boolean;
  /** Whether transformers.js lies in Deno's cache. */
  readonly transformers: boolean;
  /** Whether the hub answers; absent where it was not asked. */
  readonly hub?: HubAnswer;
}

/** How the hub answers. */
export type HubAnswer = { readonly reached: true } | {
  readonly reached: false;
  readonly reason: string;
};

/** Looks at this machine; asks the hub only with `network`. */
export async function readSurroundings(network: boolean): Promise<Surroundings> {
  return {
    graphics: await readGraphics(),
    nativeCode: await mayUseNativeCode(),
    transformers: await hasTransformers(),
    ...(network && { hub: await reachHub() }),
  };
}

async function readGraphics(): Promise<GraphicsFacts> {
  const { os } = Deno.build;
  if (os !== "linux") return { os, osRelease: "", loader: undefined, drivers: [] };
  const drivers = (await Promise.all(driverFolders.map(namesIn))).flat()
    .filter((name) => name.endsWith(".json"));
  return { os, osRelease: readOsRelease(), loader: await hasLoader(), drivers };
}

async function hasLoader(): Promise<boolean | undefined> {
  if (!await mayUseNativeCode()) return undefined;
  try {
    Deno.dlopen("libvulkan.so.1", {}).close();
    return true;
  } catch {
    return false;
  }
}

async function mayUseNativeCode(): Promise<boolean> {
  return (await Deno.permissions.query({ name: "ffi" })).state === "granted";
}

async function hasTransformers(): Promise<boolean> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { npmCache } = JSON.parse(new TextDecoder().decode(stdout)) as { npmCache: string };
  return await isCached(npmCache, TRANSFORMERS_PACKAGE);
}

/** Whether a package, "npm:NAME@VERSION", lies in a cache: below it is a folder for each registry. */
export async function isCached(npmCache: string, specifier: string): Promise<boolean> {
  const [, name, version] = /^npm:(.+)@(.+)$/.exec(specifier)!;
  for (const registry of await namesIn(npmCache)) {
    const manifest = join(npmCache, registry, name, version, "package.json");
    if (await Deno.stat(manifest).then(() => true, () => false)) return true;
  }
  return false;
}

/** Asks the hub for a page. */
export async function reachHub(url = HUB): Promise<HubAnswer> {
  try {
    const response = await fetch(url, {
      method: "HEAD",
      signal: AbortSignal.timeout(HUB_TIMEOUT),
    });
    await response.body?.cancel();
    if (response.ok) return { reached: true };
    return { reached: false, reason: `it answers with status ${response.status}` };
  } catch (error) {
    return { reached: false, reason: (error as Error).message };
  }
}
