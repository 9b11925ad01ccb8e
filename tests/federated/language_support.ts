/** Tiny federations that train a language model on made-up texts. */

import { tokenRows } from "../../src/data/token_rows.ts";
import type { TokenRow } from "../../src/data/types.ts";
import type { Federation } from "../../src/federated/federation.ts";
import type { TokenEvaluation } from "../../src/lora/evaluate.ts";
import { packLayout } from "../../src/lora/layout.ts";
import { randomStream } from "../../src/protocol/random.ts";
import {
  type AnyRoundRecord,
  isTokenRecord,
  type TokenRoundRecord,
} from "../../src/protocol/records.ts";
import { normalNumbers } from "../engine/op_testing.ts";
import { T, tinyFederation, type TinySettings } from "./support.ts";

const VOCABULARY = 64;

/** As {@link tinyFederation} makes them, without a head and labels: clients learn which token follows which. */
export async function languageFederation(settings: TinySettings = {}): Promise<Federation> {
  const federation = await tinyFederation(settings);
  const { labels: _, layout: { modules, rank }, ...adapted } = federation.adapted;
  const layout = packLayout(modules, rank, []);
  const { samples = [5, 7, 9] } = settings;
  // The tiny Llama is a classifier's: it has no output layer.
  const output = normalNumbers("output", VOCABULARY * adapted.model.width).map((x) => 0.3 * x);
  return {
    ...federation,
    adapted: { ...adapted, layout },
    local: { ...federation.local, layout },
    weights: {
      load: (name, shape) =>
        name === "lm_head.weight" ? Promise.resolve(output) : federation.weights.load(name, shape),
    },
    clients: federation.clients.map(({ rank }, client) => ({
      rank,
      samples: makeTexts(samples[client] ?? samples[0], "client", client),
    })),
    validation: makeTexts(12, "validation"),
    test: makeTexts(5, "test"),
  };
}

/** Packed rows of texts in which most tokens are followed by the next but three. */
export function makeTexts(count: number, ...key: (string | number)[]): TokenRow[] {
  const stream = randomStream(99, "tiny texts", ...key);
  const texts = Array.from({ length: count }, () => {
    const ids = new Uint32Array(3 + stream.integer(2 * T));
    ids.forEach((_, t) => {
      const follows = t > 0 && stream.uniform() < 0.8;
      ids[t] = follows ? (ids[t - 1] + 3) % VOCABULARY : stream.integer(VOCABULARY);
    });
    return { ids, learned: new Uint8Array(ids.length).fill(1) };
  });
  return tokenRows(texts, T, { packed: true });
}

/** A record, known to be of a language model. */
export function tokenRecord(record: AnyRoundRecord): TokenRoundRecord {
  if (!isTokenRecord(record)) throw new TypeError("expected a record of a language model");
  return record;
}

/** Mean loss of an evaluation of a language model. */
export function tokenLossOf(evaluation: object): number {
  const { tokens, loss } = evaluation as TokenEvaluation;
  return loss / tokens;
}
