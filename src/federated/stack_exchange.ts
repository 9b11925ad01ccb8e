/** FLoRA's exchange. @module */

import { installBase } from "../lora/base_changes.ts";
import { freshComponents } from "../protocol/bank.ts";
import { gatherComponents, scatterComponents } from "../protocol/components.ts";
import { dealOf } from "../protocol/deal.ts";
import {
  decodeDownload,
  encodeDownload,
  encodeStack,
  type MessageSizes,
} from "../protocol/messages/mod.ts";
import { NO_BYTES } from "../protocol/records.ts";
import type { Exchange } from "./exchange.ts";

/**
 * The stack of the round before goes to every client, as each has to merge it into its own copy of the base; the head goes to those that take part. These
 * draw their adapters themselves, by the run's seed, the round and the client.
 */
export const stackExchange: Exchange = {
  async announce({ run, weights, clients }, session, { bank, rounds: round }) {
    const { merged } = bank;
    // One device stands for all clients' copies.
    await installBase(session, weights, merged?.changes);
    if (merged?.stack === undefined) return NO_BYTES;
    return timesBytes(clients.length, encodeStack(bank, merged.stack, { run, round }).sizes);
  },
  download({ run }, bank, { client, round }) {
    const nothing = bank.modules.map(() => new Uint32Array());
    return encodeDownload(bank, dealOf(bank.rank, client, round, "head", nothing), { run });
  },
  receive({ layout, seed }, deal, bytes) {
    const { run, head } = decodeDownload(bytes, layout);
    const { rank } = layout;
    const modules = layout.modules.map((module, m) => {
      const fresh = freshComponents(module, rank, seed, deal.round, deal.client);
      const held = gatherComponents(fresh, rank, deal.indices[m]);
      return scatterComponents(module, rank, deal.indices[m], held);
    });
    return { run, adapter: { deal, modules, head } };
  },
};

function timesBytes(count: number, { lora, head, overhead, total }: MessageSizes): MessageSizes {
  return {
    lora: count * lora,
    head: count * head,
    overhead: count * overhead,
    total: count * total,
  };
}
