/** Where the tensors of a safetensors file will lie, known before any of their numbers are. @module */

import { cellCount } from "./cell_count.ts";
import { dtypeWidth, type SafetensorsDtype, SafetensorsError } from "./safetensors_dtype.ts";

/** A tensor to be written. */
export interface PlannedTensor {
  /** Unique within the file. */
  readonly name: string;
  /** Row-major shape; empty for a scalar. */
  readonly shape: readonly number[];
  /** Number format. */
  readonly dtype: SafetensorsDtype;
}

/** A file to be written: its head, then the tensors' bytes in their order. */
export interface SafetensorsPlan<Tensor extends PlannedTensor> {
  /** The header's length, the header, and what pads it to a multiple of 8 bytes. */
  readonly head: Uint8Array;
  /** By number width, widest first (so that each is aligned), then by name, as in the reference writer. */
  readonly tensors: readonly Tensor[];
  /** Bytes of the whole file. */
  readonly size: number;
}

/**
 * Plans a file. The same content gives the same bytes whatever the order of the arguments; metadata goes by key.
 *
 * @throws {SafetensorsError} when two tensors share a name, or one is named `__metadata__`.
 */
export function planSafetensors<Tensor extends PlannedTensor>(
  tensors: readonly Tensor[],
  metadata: Readonly<Record<string, string>>,
): SafetensorsPlan<Tensor> {
  const inOrder = tensors.toSorted((x, y) =>
    dtypeWidth(y.dtype) - dtypeWidth(x.dtype) || compareTexts(x.name, y.name)
  );
  const fields: string[] = [];
  const texts = Object.entries(metadata).sort(([x], [y]) => compareTexts(x, y));
  if (texts.length > 0) fields.push(`"__metadata__":${jsonObject(texts)}`);
  const names = new Set(["__metadata__"]);
  let position = 0;
  for (const { name, dtype, shape } of inOrder) {
    if (names.has(name)) {
      throw new SafetensorsError(`Cannot write safetensors: the name "${name}" is taken`);
    }
    names.add(name);
    const end = position + dtypeWidth(dtype) * cellCount(shape);
    const entry = JSON.stringify({ dtype, shape, data_offsets: [position, end] });
    fields.push(`${JSON.stringify(name)}:${entry}`);
    position = end;
  }
  const header = new TextEncoder().encode(`{${fields.join(",")}}`);
  const head = new Uint8Array(8 + Math.ceil(header.length / 8) * 8);
  new DataView(head.buffer).setBigUint64(0, BigInt(head.length - 8), true);
  head.fill(0x20, 8).set(header, 8);
  return { head, tensors: inOrder, size: head.length + position };
}

/** By hand, because a JavaScript object would reorder names that look like numbers. */
function jsonObject(fields: readonly [string, string][]): string {
  return `{${
    fields.map(([key, text]) => `${JSON.stringify(key)}:${JSON.stringify(text)}`).join(",")
  }}`;
}

/** By code unit: the same on every host, whatever its locale. */
function compareTexts(x: string, y: string): number {
  return x < y ? -1 : x > y ? 1 : 0;
}
