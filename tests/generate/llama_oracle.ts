/** Greedy decoding of a Llama in float64, over the oracles of its operations; every token runs the whole text anew. */

import { attention } from "../reference/attention.ts";
import { linear } from "../reference/linear.ts";
import type { Numbers } from "../reference/numbers.ts";
import { rmsNorm } from "../reference/rms_norm.ts";
import { rope } from "../reference/rope.ts";
import { siluGate } from "../reference/silu_gate.ts";
import type { Values } from "../models/support.ts";

/** The likeliest `count` tokens after the prompt, of a model without biases, with tied embeddings stored as lm_head and rotary positions as they are. */
export function greedyLlama(
  config: Readonly<Record<string, unknown>>,
  weights: ReadonlyMap<string, Values>,
  prompt: readonly number[],
  count: number,
): number[] {
  const size = (key: string): number => Number(config[key]);
  const [C, F, V] = [size("hidden_size"), size("intermediate_size"), size("vocab_size")];
  const [H, Hkv] = [size("num_attention_heads"), size("num_key_value_heads")];
  const D = C / H, epsilon = size("rms_norm_eps"), theta = size("rope_theta");
  const weight = (name: string): Numbers => weights.get(name)!.data;
  const table = weights.get("lm_head.weight")!.data;
  const add = (x: Float64Array, y: Float64Array) => x.map((value, i) => value + y[i]);

  const logitsAfter = (ids: readonly number[]): Float64Array => {
    const T = ids.length;
    const product = (x: Numbers, name: string, K: number, M: number) =>
      linear(x, weight(`${name}.weight`), undefined, { N: T, K, M });
    const norm = (x: Numbers, name: string) =>
      rmsNorm(x, weight(`${name}.weight`), { N: T, C }, epsilon);
    let x = Float64Array.from(ids.flatMap((id) => Array.from(table.slice(id * C, (id + 1) * C))));
    for (let layer = 0; layer < size("num_hidden_layers"); layer++) {
      const name = `model.layers.${layer}`;
      const read = norm(x, `${name}.input_layernorm`);
      const project = (part: string, heads: number) =>
        product(read, `${name}.self_attn.${part}_proj`, C, heads * D);
      const rotate = (values: Numbers, heads: number) =>
        rope(values, { B: 1, T, H: heads, D }, theta);
      const context = attention(
        rotate(project("q", H), H),
        rotate(project("k", Hkv), Hkv),
        project("v", Hkv),
        { B: 1, T, H, Hkv, D },
        { mask: new Uint32Array(T).fill(1), scale: 1 / Math.sqrt(D), causal: true },
      );
      x = add(x, product(context, `${name}.self_attn.o_proj`, C, C));
      const fed = norm(x, `${name}.post_attention_layernorm`);
      const gated = siluGate(
        product(fed, `${name}.mlp.gate_proj`, C, F),
        product(fed, `${name}.mlp.up_proj`, C, F),
      );
      x = add(x, product(gated, `${name}.mlp.down_proj`, F, C));
    }
    const last = norm(x, "model.norm").slice((T - 1) * C);
    return linear(last, table, undefined, { N: 1, K: C, M: V });
  };

  const ids = [...prompt];
  while (ids.length < prompt.length + count) {
    const logits = logitsAfter(ids);
    ids.push(logits.indexOf(Math.max(...logits)));
  }
  return ids.slice(prompt.length);
}
