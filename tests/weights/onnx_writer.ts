/** Writes small ONNX files for tests; field numbers as in onnx.proto. */
import { PbfWriter } from "npm:pbf@5.1.2";

export interface TestTensor {
  name: string;
  dims: number[];
  /** TensorProto.DataType */
  dataType: number;
  raw?: Uint8Array;
  floats?: number[];
  int32s?: number[];
  doubles?: number[];
  external?: Record<string, string>;
}

export interface TestNode {
  operator: string;
  inputs: string[];
  output: string;
  name?: string;
  transB?: number;
}

export function encodeOnnx(initializers: TestTensor[], nodes: TestNode[] = []): Uint8Array {
  const writer = new PbfWriter();
  writer.writeTag(1, 0); // ModelProto.ir_version
  writer.writeVarint(7);
  writer.writeMessage(7, writeGraph, { initializers, nodes });
  return writer.finish();
}

function writeGraph(
  graph: { initializers: TestTensor[]; nodes: TestNode[] },
  writer: PbfWriter,
): void {
  for (const node of graph.nodes) writer.writeMessage(1, writeNode, node);
  for (const tensor of graph.initializers) writer.writeMessage(5, writeTensor, tensor);
}

function writeNode(node: TestNode, writer: PbfWriter): void {
  for (const input of node.inputs) writeText(1, input, writer);
  writeText(2, node.output, writer);
  if (node.name !== undefined) writeText(3, node.name, writer);
  writeText(4, node.operator, writer);
  if (node.transB !== undefined) writer.writeMessage(5, writeTransB, node.transB);
}

function writeTransB(value: number, writer: PbfWriter): void {
  writeText(1, "transB", writer);
  writer.writeTag(3, 0);
  writer.writeVarint(value);
}

function writeTensor(tensor: TestTensor, writer: PbfWriter): void {
  writer.writePackedVarint(1, tensor.dims);
  writer.writeTag(2, 0);
  writer.writeVarint(tensor.dataType);
  if (tensor.floats) writer.writePackedFloat(4, tensor.floats);
  if (tensor.int32s) writer.writePackedVarint(5, tensor.int32s);
  writeText(8, tensor.name, writer);
  if (tensor.raw) {
    writer.writeTag(9, 2);
    writer.writeBytes(tensor.raw);
  }
  if (tensor.doubles) writer.writePackedDouble(10, tensor.doubles);
  if (tensor.external) {
    for (const entry of Object.entries(tensor.external)) writer.writeMessage(13, writeEntry, entry);
    writer.writeTag(14, 0);
    writer.writeVarint(1);
  }
}

function writeEntry([key, value]: [string, string], writer: PbfWriter): void {
  writeText(1, key, writer);
  writeText(2, value, writer);
}

function writeText(field: number, text: string, writer: PbfWriter): void {
  writer.writeTag(field, 2);
  writer.writeString(text);
}
