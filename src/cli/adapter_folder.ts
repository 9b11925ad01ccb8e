/** Opens an adapter that lies in a folder, as PEFT stores one. @module */

import { join } from "node:path";
import type { PeftFiles } from "../lora/peft.ts";
import { type ImportedAdapter, importPeft } from "../lora/peft_import.ts";
import { decodeText } from "../data/rows.ts";
import { UserError } from "../protocol/errors.ts";
import { readFile } from "./sources.ts";

/**
 * The adapter in a folder.
 *
 * @throws UserError naming the folder when it lacks a file or is none that can be read.
 */
export async function openAdapter(folder: string): Promise<ImportedAdapter> {
  const stored = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name).catch(() => {
    throw new UserError(`Cannot open adapter "${folder}": no such folder`);
  });
  const read = (name: keyof PeftFiles) => {
    if (stored.includes(name)) return readFile(join(folder, name));
    const pickle = stored.includes("adapter_model.bin")
      ? "; adapter_model.bin is not read, for loading it can run anything"
      : "";
    throw new UserError(`Cannot open adapter "${folder}": it has no ${name}${pickle}`);
  };
  const config = await read("adapter_config.json");
  const files: PeftFiles = {
    "adapter_config.json": decodeText("adapter_config.json", config),
    "adapter_model.safetensors": await read("adapter_model.safetensors"),
  };
  try {
    return importPeft(files);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${error.message} (in adapter "${folder}")`, { cause: error });
  }
}
