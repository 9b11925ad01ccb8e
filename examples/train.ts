/**
 * The main job as a program of your own: three unequal clients fine-tune the built-in base together.
 *
 *     deno run -A examples/train.ts
 */
import {
  builtInBase,
  builtinCorpus,
  completeRunConfig,
  createTokenizer,
  exportPeft,
  isTokenRecord,
  modelHash,
  openSession,
  prepareFederation,
  runRound,
  startState,
} from "../mod.ts";

const config = completeRunConfig({ clients: 3, ranks: [2, 4, 8], rounds: 3, localSteps: 10 });
const base = builtInBase();
const data = builtinCorpus(1, { train: 600, validation: 200, test: 200 });
const { federation } = await prepareFederation({
  config,
  files: base,
  data,
  createTokenizer,
});
const session = await openSession(federation, config);
let state = await startState(federation, session);
while (state.rounds < config.rounds) {
  const { state: next, record } = await runRound(federation, session, state);
  const reached = isTokenRecord(record)
    ? `perplexity ${record.perplexity.toFixed(1)}`
    : `accuracy ${(100 * record.accuracy).toFixed(1)} %`;
  console.log(`round ${record.round}: ${reached}, ${record.upBytes.total} bytes up`);
  state = next;
}
await session.executor.close();

const files = exportPeft(state.bank, {
  baseModel: "built-in base",
  loraDropout: config.loraDropout,
  // What deno task eval goes by: which base it is of, its labels, and how texts were read.
  baseHash: await modelHash(base),
  labels: data.labels,
  reading: { seqLen: config.seqLen, pooling: config.pooling },
});
await Deno.mkdir("adapter", { recursive: true });
await Deno.writeTextFile("adapter/adapter_config.json", files["adapter_config.json"]);
await Deno.writeFile("adapter/adapter_model.safetensors", files["adapter_model.safetensors"]);
