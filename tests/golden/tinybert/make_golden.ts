/**
 * Makes golden.safetensors: hidden states of the ONNX fixture tribuo-tinybert as onnxruntime computes them. The model itself is not here.
 *
 *     deno run -A --no-lock tests/golden/tinybert/make_golden.ts FOLDER_WITH_tinybert.onnx
 */
import { lazyPackage } from "../../../src/protocol/lazy_package.ts";
import { encodeSafetensors } from "../../../src/protocol/safetensors.ts";

/** What is used of onnxruntime-node: 200 MB that nothing else here needs, so its types are not imported either. */
interface Runtime {
  readonly InferenceSession: {
    create(model: Uint8Array): Promise<{
      readonly outputNames: readonly string[];
      run(feeds: object): Promise<Record<string, { readonly dims: readonly number[]; readonly data: Float32Array }>>;
    }>;
  };
  readonly Tensor: new (type: "int64", data: BigInt64Array, dims: readonly number[]) => object;
}

const version = "1.30.0";
const ort = await lazyPackage<Runtime>(`npm:onnxruntime-node@${version}`);

const [B, T] = [2, 8];
const ids = Uint32Array.of(2, 10, 200, 30, 1400, 77, 501, 3, 2, 9, 8, 1200, 3, 0, 0, 0);
const mask = ids.map((id) => id === 0 ? 0 : 1);

const session = await ort.InferenceSession.create(
  await Deno.readFile(`${Deno.args[0]}/tinybert.onnx`),
);
const whole = (values: Uint32Array) =>
  new ort.Tensor("int64", BigInt64Array.from(values, BigInt), [B, T]);
const outputs = await session.run({
  input_ids: whole(ids),
  attention_mask: whole(mask),
  token_type_ids: whole(new Uint32Array(B * T)),
});
const hidden = outputs[session.outputNames[0]];

await Deno.writeFile(
  new URL("golden.safetensors", import.meta.url),
  encodeSafetensors([
    { name: "input_ids", shape: [B, T], data: ids },
    { name: "attention_mask", shape: [B, T], data: mask },
    { name: "hidden_states", shape: [...hidden.dims], data: hidden.data },
  ], { oracle: `onnxruntime ${version}` }),
);
