/** The baseline `local`: every client trains an adapter and a head of its own from round to round, and nobody sends anything. @module */

import type { ModelRow } from "../data/types.ts";
import type { ModelEvaluation } from "../lora/evaluate.ts";
import type { Session } from "../lora/session.ts";
import type { AdapterBank } from "../protocol/bank.ts";
import {
  allComponents,
  gatherComponents,
  maskOf,
  scatterComponents,
} from "../protocol/components.ts";
import type { Deal } from "../protocol/deal.ts";
import type { ClientAdapter } from "../protocol/messages/mod.ts";
import { NO_BYTES } from "../protocol/records.ts";
import { extractUpdate } from "../protocol/update.ts";
import type { KeptMemory, OwnModel } from "./client_memory.ts";
import { trainAdapter, type TrainedAdapter } from "./client_round.ts";
import type { CollectedUpdates, CollectionHooks } from "./collect_updates.ts";
import type { DealtRound, EvaluationOptions, ModelScores, RunModels } from "./course.ts";
import { evaluateAdapter, evaluateBank, type OnBatch } from "./evaluate_bank.ts";
import type { Federation } from "./federation.ts";
import { addEvaluations } from "./model_scores.ts";
import { countLosses, startTally } from "./tally.ts";

/**
 * A round of clients that go on with what is their own: the first r_k components, and the head, at first as the server's bank has them drawn. Each is put
 * away before the next one's turn.
 *
 * @throws DivergedError when a loss or a weight of a client is not finite.
 */
export async function trainOwn(
  { federation: { clients: federated, local }, session, state, turns }: DealtRound,
  { take, onStep, keep }: CollectionHooks,
): Promise<CollectedUpdates> {
  const { bank } = state;
  const round = state.rounds + 1;
  const clients = [...state.clients];
  const tally = startTally(bank);
  let steps = 0, tokens = 0;
  for (const [at, { client, deal }] of turns.entries()) {
    const { samples } = federated[client];
    const { model, optimizer } = await state.clients[client]?.read() ?? {};
    const trained = await trainAdapter(
      session,
      local,
      { deal, ...ownAdapter(bank, deal.indices, model) },
      { samples, state: optimizer },
      (step) => onStep({ round, client: client + 1, step, place: at + 1, places: turns.length }),
    );
    const memory = { model: ownModel(trained, bank.rank, deal), optimizer: trained.state };
    clients[client] = await keep(client, round, memory);
    const { modules, head, losses, scores } = trained;
    const result = { samples: samples.length, modules, head, ...(scores && { scores }) };
    const update = extractUpdate(local.layout, deal, result);
    take(update);
    tally.add(update, { ...countLosses(losses), sizes: NO_BYTES });
    steps += losses.length;
    tokens += trained.tokens;
  }
  return {
    ...tally.finish(),
    late: [],
    clients,
    downBytes: NO_BYTES,
    ownScores: bank.scores,
    steps,
    tokens,
  };
}

/** What a client keeps of what it has trained. */
function ownModel({ modules, head }: TrainedAdapter, rank: number, { indices }: Deal): OwnModel {
  return {
    modules: modules.map((module, m) => gatherComponents(module, rank, indices[m])),
    head: head.map(({ data }) => data),
  };
}

/** Each client's own model on the samples. Those that have not trained yet have one model, which is evaluated once. */
export async function evaluateOwn(
  federation: Federation,
  session: Session,
  { bank, clients }: RunModels,
  samples: readonly ModelRow[],
  { before, onBatch }: EvaluationOptions = {},
): Promise<ModelScores> {
  let untrained: ModelEvaluation | undefined;
  const evaluateClient = async (client: number, memory: KeptMemory | undefined) =>
    memory === undefined
      ? untrained ??= await evaluateBank(federation, session, bank, samples, onBatch)
      : await evaluateKept(federation, session, bank, client, memory, samples, onBatch);
  const own: ModelEvaluation[] = [];
  for (const [client, memory] of clients.entries()) {
    // A client's memory is told by the round it is of: a resumed run opens the same one twice.
    const known = before !== undefined && before.clients[client]?.round === memory?.round
      ? before.own?.[client]
      : undefined;
    own.push(known ?? await evaluateClient(client, memory));
  }
  return { evaluation: own.reduce(addEvaluations), own };
}

async function evaluateKept(
  federation: Federation,
  session: Session,
  bank: AdapterBank,
  client: number,
  memory: KeptMemory,
  samples: readonly ModelRow[],
  onBatch?: OnBatch,
): Promise<ModelEvaluation> {
  const { model } = await memory.read();
  const held = allComponents(federation.clients[client].rank);
  const indices = bank.modules.map(() => held);
  const forward = indices.map((list) => maskOf(list, bank.rank));
  const adapter = { ...ownAdapter(bank, indices, model), forward };
  return await evaluateAdapter(federation, session, adapter, samples, onBatch);
}

/** A client's own adapter at full rank; before its first round the listed components of the bank. */
export function ownAdapter(
  { rank, modules, head }: Pick<AdapterBank, "rank" | "modules" | "head">,
  indices: readonly Uint32Array[],
  model: OwnModel | undefined,
): Pick<ClientAdapter, "modules" | "head"> {
  return {
    modules: modules.map((module, m) => {
      const own = model?.modules[m] ?? gatherComponents(module, rank, indices[m]);
      return scatterComponents(module, rank, indices[m], own);
    }),
    head: head.map((tensor, h) => ({ ...tensor, data: model?.head[h] ?? tensor.data })),
  };
}
