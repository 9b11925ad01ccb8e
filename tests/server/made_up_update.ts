/**
 * Updates that nobody trained: valid, different for every client and round, and the same for the same download. Runs of them show what a server
 * does without waiting for an engine.
 *
 * @module
 */

import {
  applyDownload,
  decodeDownload,
  encodeUpdate,
  extractUpdate,
  holdsComponents,
  magnitudeScores,
  randomStream,
  type RunManifest,
} from "../../src/protocol/mod.ts";

/** Largest change of a weight. */
const CHANGE = 0.01;

/** The update that a client makes of a download: what it may train and the head moved a little, and scores where the server ranks. */
export function makeUpdate(
  { layout, method }: Pick<RunManifest, "layout" | "method">,
  download: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const decoded = decodeDownload(download, layout);
  const { run, deal, deal: { client, round } } = decoded;
  const { modules, head } = applyDownload(layout, decoded);
  const stream = randomStream(0, "made-up update", round, client);
  const change = () => CHANGE * (2 * stream.uniform() - 1);
  modules.forEach(({ inFeatures, outFeatures, a, b }, m) => {
    for (const i of deal.indices[m]) {
      for (let j = 0; j < inFeatures; j++) a[i * inFeatures + j] += change();
      for (let j = 0; j < outFeatures; j++) b[j * layout.rank + i] += change();
    }
  });
  const moved = head.map((tensor) => ({ ...tensor, data: tensor.data.map((x) => x + change()) }));
  const update = extractUpdate(layout, deal, {
    samples: 10 + client,
    modules,
    head: moved,
    ...(method.rankBy === "server" && holdsComponents(deal) &&
      { scores: modules.map(magnitudeScores) }),
  });
  return new Uint8Array(encodeUpdate(layout, update, { run }).bytes);
}
