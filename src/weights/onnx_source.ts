/** Weights from the initializers of an ONNX file, under the names of the PyTorch model it was exported from. */
import { toFloat32 } from "../protocol/safetensors.ts";
import { readAll } from "./byte_file.ts";
import { ModelFolderError, WeightsError } from "./errors.ts";
import { innerPath } from "./inner_path.ts";
import { OnnxDataType, type OnnxGraph, type OnnxTensor, readOnnxGraph } from "./onnx_graph.ts";
import { nameParameters } from "./onnx_names.ts";
import type { ByteFile, ModelFiles, WeightSource } from "./source.ts";
import { checkShape, missingTensor } from "./tensor_checks.ts";
import { transpose } from "./transpose.ts";

/** Element types that can be loaded; `half` types are stored as bit patterns outside raw_data. */
const FLOAT_TYPES = new Map<number, { dtype: "F32" | "F16" | "BF16" | "F64"; bytes: number }>([
  [OnnxDataType.FLOAT, { dtype: "F32", bytes: 4 }],
  [OnnxDataType.FLOAT16, { dtype: "F16", bytes: 2 }],
  [OnnxDataType.BFLOAT16, { dtype: "BF16", bytes: 2 }],
  [OnnxDataType.DOUBLE, { dtype: "F64", bytes: 8 }],
]);

/** ONNX's and ONNX Runtime's operators on quantized numbers: QLinearMatMul, QAttention, MatMulNBits… */
const QUANTIZED_OPERATOR =
  /^(Q[A-Z]|Quantize|Dequantize|DynamicQuantize|MatMulInteger|ConvInteger|MatMulNBits|MatMulBnb4|MatMulFpQ4|GatherBlockQuantized)/;

/**
 * Opens the initializers of an ONNX file.
 *
 * The file is gone through whole, as it is one protobuf message, and not kept: weights are read by
 * range, from it or from its external data.
 *
 * @param files the model's files
 * @param path path of the file relative to the model folder
 * @returns tensors under their PyTorch names and in PyTorch's orientation ([out, in] for a linear
 * layer); f32, f16, bf16 and f64 can be loaded
 * @throws {ModelFolderError} when the file does not exist
 * @throws {WeightsError} when it is not an ONNX file, or is quantized
 */
export async function openOnnx(files: ModelFiles, path: string): Promise<WeightSource> {
  const graph = await readGraph(files, path);
  const label = `${files.label}/${path}`;
  if (isQuantized(graph)) {
    throw new WeightsError(
      `Cannot load weights from "${label}": the ONNX file is quantized; expected float initializers`,
    );
  }
  const parameters = nameParameters(graph);
  const names = [...parameters.keys()];
  const find = (name: string) => {
    const parameter = parameters.get(name);
    if (!parameter) throw missingTensor(name, label, names);
    return parameter;
  };
  const shape = (name: string): number[] => {
    const { tensor: { dims }, transposed } = find(name);
    return transposed ? [dims[1], dims[0]] : dims;
  };
  return {
    names,
    has: (name) => parameters.has(name),
    shape,
    load: async (name, expectedShape) => {
      const { tensor, transposed } = find(name);
      checkFloat(name, tensor);
      checkShape(name, expectedShape, shape(name));
      const values = await readValues(files, path, name, tensor);
      return transposed ? transpose(values, tensor.dims[0], tensor.dims[1]) : values;
    },
  };
}

/**
 * The files that hold an ONNX file's external data.
 *
 * @param files the model's files
 * @param path path of the ONNX file relative to the model folder
 * @returns paths relative to the model folder, sorted, each once; none for a self-contained file
 */
export async function externalDataPaths(files: ModelFiles, path: string): Promise<string[]> {
  const { initializers } = await readGraph(files, path);
  const paths = initializers.flatMap(({ external }) =>
    external ? [innerPath(path, external.get("location") ?? "")] : []
  );
  return [...new Set(paths)].sort();
}

async function requireFile(files: ModelFiles, path: string): Promise<ByteFile> {
  const file = await files.open(path);
  if (!file) throw new ModelFolderError(`Cannot find "${path}" in model "${files.label}"`);
  return file;
}

async function readGraph(files: ModelFiles, path: string): Promise<OnnxGraph> {
  const file = await requireFile(files, path);
  const bytes = await readAll(file);
  try {
    return await readOnnxGraph(bytes);
  } catch (error) {
    throw new WeightsError(
      `Cannot read "${file.name}" as an ONNX file: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

function isQuantized({ nodes, initializers }: OnnxGraph): boolean {
  return nodes.some(({ operator }) => QUANTIZED_OPERATOR.test(operator)) ||
    initializers.some(({ dataType, dims }) =>
      dims.length >= 2 && (dataType === OnnxDataType.INT8 || dataType === OnnxDataType.UINT8)
    );
}

function checkFloat(name: string, { dataType }: OnnxTensor): void {
  if (!FLOAT_TYPES.has(dataType)) {
    throw new WeightsError(
      `Cannot load "${name}": expected float initializers, got ONNX data type ${dataType}`,
    );
  }
}

async function readValues(
  files: ModelFiles,
  path: string,
  name: string,
  tensor: OnnxTensor,
): Promise<Float32Array> {
  const count = tensor.dims.reduce((product, size) => product * size, 1);
  const { dtype, bytes } = FLOAT_TYPES.get(tensor.dataType)!;
  const raw = tensor.external
    ? await readExternal(files, path, name, tensor.external, count * bytes)
    : tensor.raw &&
      await (await requireFile(files, path)).read(tensor.raw.offset, tensor.raw.length);
  const actual = raw ? raw.length / bytes : tensor.values.length;
  if (actual !== count) {
    throw new WeightsError(
      `Cannot load "${name}": expected ${count} values for shape [${tensor.dims.join(", ")}], ` +
        `got ${actual}`,
    );
  }
  if (raw) return toFloat32(dtype, raw);
  if (bytes === 2) return toFloat32(dtype, new Uint8Array(Uint16Array.from(tensor.values).buffer));
  return Float32Array.from(tensor.values);
}

/** External data as https://onnx.ai/onnx/repo-docs/ExternalData.html describes it. */
async function readExternal(
  files: ModelFiles,
  path: string,
  name: string,
  keys: ReadonlyMap<string, string>,
  length: number,
): Promise<Uint8Array> {
  const location = innerPath(path, keys.get("location") ?? "");
  const file = await files.open(location);
  if (!file) {
    throw new ModelFolderError(
      `Cannot load "${name}": its external data "${location}" is missing in model "${files.label}"`,
    );
  }
  const offset = Number(keys.get("offset") ?? 0);
  const stated = Number(keys.get("length") ?? length);
  const size = await file.size();
  if (stated !== length || !(offset >= 0 && offset + length <= size)) {
    throw new WeightsError(
      `Cannot load "${name}": expected ${length} bytes of external data inside the ${size} of ` +
        `"${location}", got ${stated} at offset ${offset}`,
    );
  }
  return await file.read(offset, length);
}
