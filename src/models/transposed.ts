/**
 * Weights of linear layers that checkpoints store as [in, out]. Everything but reading and writing checkpoints has them as [out, in].
 *
 * @module
 */

/** GPT-2's layers are OpenAI's Conv1D; no other family has modules of these names. */
const CONV1D = /^transformer\.h\.\d+\.(attn|mlp)\.c_(attn|proj|fc)$/;

/** Whether checkpoints store the weight of a module, by its full Hugging Face name, as [in, out]; PEFT calls it fan_in_fan_out then. */
export function isConv1D(module: string): boolean {
  return CONV1D.test(module);
}

/** Whether checkpoints store a tensor, by its full Hugging Face name, transposed: it is the weight of a {@linkcode isConv1D} module. */
export function isTransposed(tensor: string): boolean {
  return tensor.endsWith(".weight") && isConv1D(tensor.slice(0, -".weight".length));
}
