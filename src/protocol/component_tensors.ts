import type { ModuleShape } from "./bank.ts";
import type { ComponentSlices } from "./components.ts";
import type { SafetensorsInput } from "./safetensors.ts";
import { loraAName, loraBName } from "./tensor_names.ts";

/** B of a module, and A where it is given, as tensors to write; `count` components. */
export function componentTensors(
  { name, inFeatures, outFeatures }: ModuleShape,
  count: number,
  { a, b }: Partial<Pick<ComponentSlices, "a">> & Pick<ComponentSlices, "b">,
): SafetensorsInput[] {
  const ofB = { name: loraBName(name), shape: [outFeatures, count], data: b };
  return a ? [{ name: loraAName(name), shape: [count, inFeatures], data: a }, ofB] : [ofB];
}
