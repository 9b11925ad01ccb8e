import type { LabelledData, Sample } from "./types.ts";

/**
 * Each client's share of the training samples as data of its own: same label set, no validation or test part.
 *
 * @param shares Per client the indices of its training samples, as `partition` returns them.
 * @throws {RangeError} where an index is outside the training samples.
 */
export function splitData(
  data: LabelledData,
  shares: readonly ArrayLike<number>[],
): LabelledData[] {
  return shares.map((share, client) => ({
    name: `${data.name}, client ${client}`,
    ...(data.conversations && { conversations: true }),
    labels: data.labels,
    train: Array.from(share, (index) => {
      const sample = data.train[index];
      if (sample === undefined) {
        throw new RangeError(
          `Cannot split "${data.name}": expected indices below ${data.train.length}, got ${index}`,
        );
      }
      return { ...sample, split: "train" };
    }),
    validation: [],
    test: [],
  }));
}

/**
 * JSON Lines of the data: `id`, `text` (`messages` of a conversation), `label` where there is one, and `split`, and `"stripped": true` on texts that are
 * empty. `loadData` with the same labels and both shares 0 gives the samples back.
 *
 * @example
 * ```ts
 * import { jsonLines } from "./split.ts";
 * const train = [{ id: "1", text: "hello", label: "greeting" }];
 * const lines = jsonLines({ name: "posts", labels: ["greeting"], train, validation: [], test: [] });
 * const expected = '{"id":"1","text":"hello","label":"greeting","split":"train"}\n';
 * if (lines !== expected) throw new Error("unreachable");
 * ```
 */
export function jsonLines(data: LabelledData): string {
  return (["train", "validation", "test"] as const).map((split) =>
    data[split].map((sample) => jsonLine(sample, split, data.conversations)).join("")
  ).join("");
}

function jsonLine({ id, text, label }: Sample, split: string, conversation = false): string {
  const content = conversation ? { messages: JSON.parse(text) } : { text };
  const mark = text.trim() === "" ? { stripped: true } : {};
  return JSON.stringify({ id, ...content, ...(label !== "" && { label }), split, ...mark }) + "\n";
}
