/**
 * The server's message at the start of a round: what the client holds, and what of it to train.
 *
 * Under freezing it carries the whole bank, r(in + out) numbers per module; under truncation only the client's components,
 * r_k(in + out); with both, the list of components to train, and the head. To a client that holds no component it brings the head alone. A
 * goes down even where only B is trained: a client keeps nothing between rounds.
 *
 * @module
 */

import type { AdapterBank, AdapterLayout, ModuleComponents, NamedTensor } from "../bank.ts";
import {
  allComponents,
  type ComponentSlices,
  gatherA,
  gatherB,
  indicesOf,
  maskOf,
  scatterComponents,
} from "../components.ts";
import { type Deal, holdsComponents } from "../deal.ts";
import { factorChoices, type Factors } from "../method.ts";
import { loraAName, loraBName } from "../tensor_names.ts";
import {
  type EncodedMessage,
  indexTensors,
  MessageError,
  type OpenMessage,
  openMessage,
  refuseLeftovers,
  takeA,
  takeB,
  takeHead,
  takeIndexLists,
} from "./frame.ts";
import { type MessagePlan, planMessage, promised, wholeMessage } from "./message_plan.ts";

/** A decoded download. */
export interface Download {
  /** The run's identifier. */
  readonly run: string;
  /** What the client holds and trains. */
  readonly deal: Deal;
  /** Per module: the components held, in ascending order of their index. */
  readonly held: readonly ComponentSlices[];
  /** The head, in the layout's order. */
  readonly head: readonly NamedTensor[];
}

/** What a client starts its local steps from. */
export interface ClientAdapter {
  /** What it holds (`forward`) and trains (`train`). */
  readonly deal: Deal;
  /** The adapter at full rank r, zero where the client holds nothing, in the layout's order. */
  readonly modules: readonly ModuleComponents[];
  /** The head, in the layout's order. */
  readonly head: readonly NamedTensor[];
}

/**
 * Encodes what `deal` gives its client of the bank.
 *
 * @example
 * ```ts
 * import { createBank } from "../bank.ts";
 * import { dealOf } from "../deal.ts";
 * import { applyDownload, decodeDownload, encodeDownload } from "./download.ts";
 * const modules = [{ name: "q_proj", inFeatures: 3, outFeatures: 2 }];
 * const bank = createBank({ modules, rank: 4, alpha: 8, seed: 1, head: [] });
 * const deal = dealOf(bank.rank, 0, 0, "truncate", [new Uint32Array([1, 3])]);
 * const { bytes, sizes } = encodeDownload(bank, deal, { run: "example" });
 * const { modules: [q] } = applyDownload(bank, decodeDownload(bytes, bank));
 * if (sizes.lora !== 4 * 2 * (3 + 2) || q.a[0] !== 0 || q.a[3] !== bank.modules[0].a[3]) throw new Error("unreachable");
 * ```
 */
export function encodeDownload(
  bank: AdapterBank,
  deal: Deal,
  address: { readonly run: string },
): EncodedMessage {
  return wholeMessage(planDownload(bank, deal, address));
}

/** Plans what {@linkcode encodeDownload} encodes; the bank must stay as it is until it is sent. */
export function planDownload(
  bank: AdapterBank,
  deal: Deal,
  { run }: { readonly run: string },
): MessagePlan {
  const { client, round, factors } = deal;
  const modules = holdsComponents(deal) ? bank.modules : [];
  return planMessage("download", { run, round, client }, {
    lora: modules.flatMap((module, m) => {
      const { name, inFeatures, outFeatures } = module;
      const held = indicesOf(deal.forward[m]);
      return [
        {
          name: loraAName(name),
          dtype: "F32",
          shape: [held.length, inFeatures],
          make: () => gatherA(module, held),
        },
        {
          name: loraBName(name),
          dtype: "F32",
          shape: [outFeatures, held.length],
          make: () => gatherB(module, bank.rank, held),
        },
      ];
    }),
    head: bank.head.map(promised),
    lists: indexTensors(modules, deal.indices).map(promised),
    metadata: factors === "both" ? {} : { factors },
  });
}

/**
 * Decodes and checks a download against the layout the client knows from the run's manifest.
 *
 * @throws {SafetensorsError} when the bytes are not safetensors.
 * @throws {MessageError} when a tensor is missing, unexpected, of the wrong shape or not finite, or an index list is not one.
 */
export function decodeDownload(bytes: Uint8Array, layout: AdapterLayout): Download {
  const message = openMessage("download", bytes, layout);
  const { run, round, client } = message.address;
  const { rank } = layout;
  const factors = readFactors(message);
  const lists = takeIndexLists(message, layout);
  const indices = lists ?? layout.modules.map(() => new Uint32Array());
  // All r rows of A mean that everything is held; otherwise the client holds just what it trains.
  const heldLists = layout.modules.map(({ name }, m) =>
    message.tensors.get(loraAName(name))?.shape[0] === rank ? allComponents(rank) : indices[m]
  );
  const held = layout.modules.map((module, m): ComponentSlices => {
    if (lists === undefined) return { a: new Float32Array(), b: new Float32Array() };
    const count = heldLists[m].length;
    return { a: takeA(message, module, count), b: takeB(message, module, count) };
  });
  const head = takeHead(message, layout.head);
  refuseLeftovers(message);
  for (const numbers of [...held.flatMap(({ a, b }) => [a, b]), ...head.map(({ data }) => data)]) {
    if (!numbers.every(Number.isFinite)) {
      throw new MessageError("Cannot read the download: expected finite numbers only");
    }
  }
  const forward = heldLists.map((list) => maskOf(list, rank));
  const train = indices.map((list) => maskOf(list, rank));
  return { run, deal: { client, round, forward, train, indices, factors }, held, head };
}

function readFactors({ metadata: { factors = "both" } }: OpenMessage): Factors {
  const known = factorChoices.find((choice) => choice === factors);
  if (known !== undefined) return known;
  throw new MessageError(
    `Cannot read the download: expected factors ${factorChoices.join(" or ")}, got "${factors}"`,
  );
}

/** The adapter a client holds after a download, at full rank; under freezing it is the server's, bit for bit. */
export function applyDownload(layout: AdapterLayout, download: Download): ClientAdapter {
  const { deal, held, head } = download;
  const modules = layout.modules.map((module, m) =>
    scatterComponents(module, layout.rank, indicesOf(deal.forward[m]), held[m])
  );
  return { deal, modules, head };
}
