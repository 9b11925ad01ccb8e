/** The baseline `local`: every client trains an adapter and a head of its own from round to round, and nobody sends anything. @module */

import type { TokenizedSample } from "../data/types.ts";
import type { Evaluation, LabelCount, Session } from "../lora/session.ts";
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
import { startScoreMerge } from "../protocol/scores.ts";
import { extractUpdate } from "../protocol/update.ts";
import type { Attendant } from "./attendance.ts";
import type { KeptMemory, OwnModel } from "./client_memory.ts";
import { trainAdapter } from "./client_round.ts";
import type { CollectedUpdates, CollectionHooks } from "./collect_updates.ts";
import type { ModelScores, RunModels } from "./course.ts";
import { evaluateAdapter, evaluateBank, type OnBatch } from "./evaluate_bank.ts";
import type { Federation } from "./federation.ts";
import type { FederationState } from "./state.ts";
import { startTally } from "./tally.ts";

/**
 * A round of clients that go on with what is their own: the first r_k components, and the head, at first as the server's bank has them drawn. Each is put
 * away before the next one's turn.
 *
 * @throws DivergedError when a loss or a weight of a client is not finite.
 */
export async function trainOwn(
  { clients: federated, local }: Federation,
  session: Session,
  state: FederationState,
  attendants: readonly Attendant[],
  deals: readonly Deal[],
  { take, onStep, keep }: CollectionHooks,
): Promise<CollectedUpdates> {
  const { bank } = state;
  const round = state.rounds + 1;
  const clients = [...state.clients];
  const tally = startTally(bank);
  const places = attendants.length;
  let steps = 0, tokens = 0;
  for (const [at, deal] of deals.entries()) {
    const { client, indices } = deal;
    const { samples } = federated[client];
    const { model, optimizer } = await state.clients[client]?.read() ?? {};
    const trained = await trainAdapter(
      session,
      local,
      { deal, ...ownAdapter(bank, indices, model) },
      { samples, state: optimizer },
      (step) => onStep({ round, client: client + 1, step, place: at + 1, places }),
    );
    const { modules, head, losses, scores, state: optimizerAfter } = trained;
    clients[client] = await keep(client, round, {
      model: {
        modules: modules.map((module, m) => gatherComponents(module, bank.rank, indices[m])),
        head: head.map(({ data }) => data),
      },
      optimizer: optimizerAfter,
    });
    const update = extractUpdate(local.layout, deal, {
      samples: samples.length,
      modules,
      head,
      ...(scores && { scores }),
    });
    take(update);
    const lossSum = losses.reduce((sum, loss) => sum + loss, 0);
    tally.add(update, { steps: losses.length, lossSum, sizes: NO_BYTES });
    steps += losses.length;
    tokens += trained.tokens;
  }
  return {
    ...tally.finish(),
    late: [],
    clients,
    downBytes: NO_BYTES,
    ownScores: startScoreMerge(bank.scores).finish(),
    steps,
    tokens,
  };
}

/** Each client's own model on the samples. Those that have not trained yet have one model, which is evaluated once. */
export async function evaluateOwn(
  federation: Federation,
  session: Session,
  { bank, clients }: RunModels,
  samples: readonly TokenizedSample[],
  { before, onBatch }: {
    readonly before?: RunModels & ModelScores;
    readonly onBatch?: OnBatch;
  } = {},
): Promise<ModelScores> {
  let untrained: Evaluation | undefined;
  const own: Evaluation[] = [];
  for (const [client, memory] of clients.entries()) {
    const unchanged = before?.own !== undefined && memory === before.clients[client];
    own.push(
      unchanged
        ? before.own![client]
        : memory === undefined
        ? untrained ??= await evaluateBank(federation, session, bank, samples, onBatch)
        : await evaluateKept(federation, session, bank, client, memory, samples, onBatch),
    );
  }
  return { evaluation: own.reduce(addEvaluations), own };
}

async function evaluateKept(
  federation: Federation,
  session: Session,
  bank: AdapterBank,
  client: number,
  memory: KeptMemory,
  samples: readonly TokenizedSample[],
  onBatch?: OnBatch,
): Promise<Evaluation> {
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

function addEvaluations(one: Evaluation, other: Evaluation): Evaluation {
  return {
    ...addCounts(one, other),
    loss: one.loss + other.loss,
    perLabel: one.perLabel.map((count, label) => addCounts(count, other.perLabel[label])),
  };
}

function addCounts(one: LabelCount, other: LabelCount): LabelCount {
  return { rows: one.rows + other.rows, correct: one.correct + other.correct };
}
