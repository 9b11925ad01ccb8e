/**
 * The parts of an ONNX file that hold weights and tell what they are: initializers and nodes.
 *
 * Field numbers are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
 * pbf reads them straight from the bytes; `@bufbuild/protobuf` would need code generated from that
 * schema, which the repository would have to carry, and offers no more here.
 */
import type * as Pbf from "npm:pbf@5.1.2";
import type { PbfReader } from "npm:pbf@5.1.2";
import { lazyPackage } from "../protocol/lazy_package.ts";

/** An initializer as stored, before conversion. */
export interface OnnxTensor {
  name: string;
  dims: number[];
  /** TensorProto.DataType: see {@link OnnxDataType}. */
  dataType: number;
  /** Where its little-endian bytes lie in the file. */
  raw?: { readonly offset: number; readonly length: number };
  /** Values outside raw_data: floats, or the bit patterns of half floats. */
  values: number[];
  /** Keys of external_data ("location", "offset", "length") when the bytes lie in another file. */
  external?: Map<string, string>;
}

/** A node: only what naming the weights needs. */
export interface OnnxNode {
  name: string;
  operator: string;
  inputs: string[];
  outputs: string[];
  /** Gemm's transB: its second input is [out, in] already. */
  transB: boolean;
}

/** The graph of an ONNX file. */
export interface OnnxGraph {
  initializers: OnnxTensor[];
  nodes: OnnxNode[];
}

/** The element types that are read or recognised, by their number in TensorProto.DataType. */
export const OnnxDataType = {
  FLOAT: 1,
  UINT8: 2,
  INT8: 3,
  FLOAT16: 10,
  DOUBLE: 11,
  BFLOAT16: 16,
} as const;

/**
 * Decodes an ONNX file.
 *
 * @param bytes the whole file, of which nothing is kept
 * @returns its graph
 * @throws {Error} when the bytes are not an ONNX model or end too early
 */
export async function readOnnxGraph(bytes: Uint8Array): Promise<OnnxGraph> {
  const { PbfReader } = await lazyPackage<typeof Pbf>("npm:pbf@5.1.2");
  const reader = new PbfReader(bytes);
  const graph: OnnxGraph = { initializers: [], nodes: [] };
  let found = false;
  // ModelProto: 7 graph
  reader.readFields((field) => {
    if (field !== 7) return;
    found = true;
    readMessage(reader, (graphField) => readGraphField(graphField, graph, reader));
  }, undefined);
  if (!found) throw new Error("it holds no ONNX graph");
  if (reader.pos !== bytes.length) throw new Error("it ends too early");
  return graph;
}

/** GraphProto: 1 node, 5 initializer */
function readGraphField(field: number, graph: OnnxGraph, reader: PbfReader): void {
  if (field === 1) graph.nodes.push(readNode(reader));
  else if (field === 5) graph.initializers.push(readTensor(reader));
}

/** NodeProto: 1 input, 2 output, 3 name, 4 op_type, 5 attribute */
function readNode(reader: PbfReader): OnnxNode {
  const node: OnnxNode = { name: "", operator: "", inputs: [], outputs: [], transB: false };
  readMessage(reader, (field) => {
    if (field === 1) node.inputs.push(reader.readString());
    else if (field === 2) node.outputs.push(reader.readString());
    else if (field === 3) node.name = reader.readString();
    else if (field === 4) node.operator = reader.readString();
    else if (field === 5) {
      const { name, integer } = readAttribute(reader);
      if (name === "transB") node.transB = integer !== 0;
    }
  });
  return node;
}

/** AttributeProto: 1 name, 3 i */
function readAttribute(reader: PbfReader): { name: string; integer: number } {
  const attribute = { name: "", integer: 0 };
  readMessage(reader, (field) => {
    if (field === 1) attribute.name = reader.readString();
    else if (field === 3) attribute.integer = reader.readVarint(true);
  });
  return attribute;
}

/**
 * TensorProto: 1 dims, 2 data_type, 4 float_data, 5 int32_data (holds half floats), 8 name,
 * 9 raw_data, 10 double_data, 13 external_data, 14 data_location (1: external)
 */
function readTensor(reader: PbfReader): OnnxTensor {
  const tensor: OnnxTensor = { name: "", dims: [], dataType: 0, values: [] };
  const external = new Map<string, string>();
  let isExternal = false;
  readMessage(reader, (field) => {
    if (field === 1) reader.readPackedVarint(tensor.dims, true);
    else if (field === 2) tensor.dataType = reader.readVarint();
    else if (field === 4) reader.readPackedFloat(tensor.values);
    else if (field === 5) reader.readPackedVarint(tensor.values, true);
    else if (field === 8) tensor.name = reader.readString();
    else if (field === 9) {
      const length = reader.readVarint();
      tensor.raw = { offset: reader.pos, length };
      reader.pos += length;
    } else if (field === 10) reader.readPackedDouble(tensor.values);
    else if (field === 13) readEntry(reader, external);
    else if (field === 14) isExternal = reader.readVarint() === 1;
  });
  if (isExternal) tensor.external = external;
  return tensor;
}

/** StringStringEntryProto: 1 key, 2 value */
function readEntry(reader: PbfReader, entries: Map<string, string>): void {
  let key = "";
  let value = "";
  readMessage(reader, (field) => {
    if (field === 1) key = reader.readString();
    else if (field === 2) value = reader.readString();
  });
  entries.set(key, value);
}

function readMessage(reader: PbfReader, readField: (field: number) => void): void {
  const end = reader.readVarint() + reader.pos;
  reader.readFields(readField, undefined, end);
  if (reader.pos !== end) throw new Error("a message in it is malformed");
}
