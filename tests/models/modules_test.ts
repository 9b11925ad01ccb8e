import assert from "node:assert/strict";
import { FAMILIES, readGolden, requestsOf } from "./support.ts";

const LABELS = 3;
const ROTARY = FAMILIES.filter((family) => /llama|qwen|gemma/.test(family));

for (const family of FAMILIES) {
  const { model, weights, expected } = readGolden(family);
  const head = model.head(LABELS, (name) => weights.has(name));

  Deno.test(`readModel() of ${family} lists the linear layers that encode() asks for, in order`, () => {
    const { linears } = requestsOf(model, LABELS);
    const ofLayers = linears.filter(({ name }) => /\.(layer|layers|h)\.\d+\./.test(name));
    assert.deepEqual(
      model.modules,
      ofLayers.map(({ name, inFeatures, outFeatures }) => ({ name, inFeatures, outFeatures })),
    );
  });

  Deno.test(`encode() and classify() of ${family} ask for every tensor of the checkpoint`, () => {
    const stored = [...weights].map(([name, { shape }]) => [name, [...shape]] as const);
    const asked = [...requestsOf(model, LABELS).weights].map(([name, shape]) =>
      [name, [...shape]] as const
    );
    assert.deepEqual(Object.fromEntries(asked), Object.fromEntries(stored));
  });

  Deno.test(`head() of ${family} names tensors that the classifier has`, () => {
    for (const { name, shape } of head) assert.deepEqual(weights.get(name)?.shape, shape, name);
  });

  Deno.test(`defaultTargets of ${family} matches the attention projections alone`, () => {
    const adapted = [...expected.keys()].flatMap((name) => /^lora\.(.*)\.a$/.exec(name)?.[1] ?? []);
    const targets = model.modules.map(({ name }) => name)
      .filter((name) => model.defaultTargets.test(name));
    assert.deepEqual(targets.toSorted(), adapted.toSorted());
  });
}

Deno.test("head() of every family is Hugging Face's", () => {
  const heads = FAMILIES.map((family) => {
    const { model } = readGolden(family);
    return model.head(5, () => true).map(({ name, shape, deviation }) =>
      `${name} [${shape}] ${deviation}`
    );
  });
  assert.deepEqual(heads, [
    ["classifier.weight [5,32] 0.02", "classifier.bias [5] 0"],
    [
      "pre_classifier.weight [32,32] 0.02",
      "pre_classifier.bias [32] 0",
      "classifier.weight [5,32] 0.02",
      "classifier.bias [5] 0",
    ],
    [
      "classifier.dense.weight [32,32] 0.02",
      "classifier.dense.bias [32] 0",
      "classifier.out_proj.weight [5,32] 0.02",
      "classifier.out_proj.bias [5] 0",
    ],
    ...[...ROTARY, "gpt2"].map(() => ["score.weight [5,32] 0.02"]),
  ]);
});

Deno.test("head() of bert holds the pooler when the checkpoint has none", () => {
  const names = readGolden("bert").model.head(2, () => false).map(({ name }) => name);
  assert.deepEqual(names, [
    "bert.pooler.dense.weight",
    "bert.pooler.dense.bias",
    "classifier.weight",
    "classifier.bias",
  ]);
});

Deno.test("encode() and classify() apply dropout where Hugging Face does", () => {
  const sites = FAMILIES.map((family) =>
    requestsOf(readGolden(family).model, LABELS).dropouts.map(siteOf)
  );
  const attentionAndOutputs = ["probabilities", "product", "product"];
  assert.deepEqual(sites, [
    ["norm", ...attentionAndOutputs, ...attentionAndOutputs, "tanh"],
    ["norm", "probabilities", "product", "probabilities", "product", "relu"],
    ["norm", ...attentionAndOutputs, ...attentionAndOutputs, "pooled", "tanh"],
    ...ROTARY.map(() => ["probabilities", "probabilities"]),
    ["sum", ...attentionAndOutputs, ...attentionAndOutputs],
  ]);
});

/** The operation that made a tensor, by the name it gives its result. */
function siteOf(name: string): string {
  if (name.startsWith("tanh of ")) return "tanh";
  if (name.startsWith("relu of ")) return "relu";
  if (name.endsWith(" pooled")) return "pooled";
  if (name.endsWith(" normalised")) return "norm";
  return name.includes(" · ") ? "product" : name;
}
