/** Recovers the names of a PyTorch model's parameters from the graph an exporter made of it. */
import type { OnnxGraph, OnnxNode, OnnxTensor } from "./onnx_graph.ts";

/** A parameter of the PyTorch model and the initializer that holds it. */
export interface OnnxParameter {
  readonly tensor: OnnxTensor;
  /** The initializer is [in, out] where PyTorch has [out, in]. */
  readonly transposed: boolean;
}

/**
 * Names a graph's initializers as the PyTorch model does.
 *
 * torch.onnx keeps most names ("encoder.layer.0.output.dense.bias"), but folds a linear layer's
 * weight into MatMul as [in, out] and calls it "onnx::MatMul_123" or "123". Its module is read from
 * the node's own name ("/encoder/layer.0/output/dense/MatMul") or, in files of older exporters, from
 * the bias added to the product. Parameters with equal values are stored once; Identity nodes then
 * carry the other names. Weights that kept their name keep their orientation too: GPT-2's Conv1D is
 * [in, out] in PyTorch as well.
 *
 * @param graph the decoded graph
 * @returns parameters by name; initializers whose module cannot be told keep the name they have
 */
export function nameParameters(graph: OnnxGraph): Map<string, OnnxParameter> {
  const tensors = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  const parameters = new Map<string, OnnxParameter>();
  for (const tensor of graph.initializers) {
    parameters.set(tensor.name, { tensor, transposed: false });
  }
  for (const node of graph.nodes) {
    const tensor = node.operator === "Identity" ? tensors.get(node.inputs[0]) : undefined;
    if (!tensor) continue;
    tensors.set(node.outputs[0], tensor);
    if (isParameterName(node.outputs[0])) {
      parameters.set(node.outputs[0], { tensor, transposed: false });
    }
  }
  for (const [name, found] of recoverWeights(graph.nodes, tensors)) {
    // Two products that claim one module: neither claim can be trusted.
    if (found.length !== 1 || parameters.has(name)) continue;
    parameters.set(name, found[0]);
    parameters.delete(found[0].tensor.name);
  }
  return parameters;
}

/** The anonymous weights of linear layers, by the name each should have. */
function recoverWeights(
  nodes: readonly OnnxNode[],
  tensors: ReadonlyMap<string, OnnxTensor>,
): Map<string, OnnxParameter[]> {
  const biases = biasesByProduct(nodes, tensors);
  const weights = new Map<string, OnnxParameter[]>();
  for (const node of nodes) {
    if (node.operator !== "MatMul" && node.operator !== "Gemm") continue;
    const tensor = tensors.get(node.inputs[1]);
    if (!tensor || tensor.dims.length !== 2 || isParameterName(node.inputs[1])) continue;
    const bias = node.operator === "Gemm" ? node.inputs[2] : biases.get(node.outputs[0]);
    const path = moduleOfNode(node.name) ?? moduleOfBias(bias);
    if (path === undefined) continue;
    const name = `${path}.weight`;
    const found = weights.get(name) ?? [];
    if (!found.some((other) => other.tensor === tensor)) {
      weights.set(name, [...found, { tensor, transposed: !node.transB }]);
    }
  }
  return weights;
}

/** The initializer that an Add puts on top of each product, by the product's name. */
function biasesByProduct(
  nodes: readonly OnnxNode[],
  tensors: ReadonlyMap<string, OnnxTensor>,
): Map<string, string> {
  const biases = new Map<string, string>();
  for (const { operator, inputs: [left, right] } of nodes) {
    if (operator !== "Add") continue;
    if (tensors.has(right)) biases.set(left, right);
    if (tensors.has(left)) biases.set(right, left);
  }
  return biases;
}

/** "/encoder/layer.0/output/dense/MatMul" is in module "encoder.layer.0.output.dense". */
function moduleOfNode(name: string): string | undefined {
  const scopes = name.split("/");
  return scopes[0] === "" && scopes.length > 2 ? scopes.slice(1, -1).join(".") : undefined;
}

function moduleOfBias(name: string | undefined): string | undefined {
  return name !== undefined && isParameterName(name) && name.endsWith(".bias")
    ? name.slice(0, -".bias".length)
    : undefined;
}

/** A dotted path, as opposed to "123", "onnx::MatMul_123" or "/encoder/Constant_output_0". */
function isParameterName(name: string): boolean {
  return /^\w+(\.\w+)+$/.test(name);
}
