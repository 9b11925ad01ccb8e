import type { Sample } from "../../src/data/types.ts";

/** Share of `test` that multinomial naive Bayes with add-one smoothing, fitted to `train`, labels right. */
export function naiveBayesAccuracy(train: readonly Sample[], test: readonly Sample[]): number {
  const counts = new Map<string, Map<string, number>>(); // label to word to count
  const documents = new Map<string, number>();
  const vocabulary = new Set<string>();
  for (const { text, label } of train) {
    const words = counts.get(label) ?? new Map<string, number>();
    counts.set(label, words);
    documents.set(label, (documents.get(label) ?? 0) + 1);
    for (const word of text.split(" ")) {
      words.set(word, (words.get(word) ?? 0) + 1);
      vocabulary.add(word);
    }
  }
  const totals = new Map([...counts].map(([label, words]) => [
    label,
    vocabulary.size + [...words.values()].reduce((sum, count) => sum + count, 0),
  ]));
  const right = test.filter(({ text, label }) => {
    const known = text.split(" ").filter((word) => vocabulary.has(word));
    const scored = [...counts].map(([candidate, words]): [number, string] => [
      known.reduce(
        (sum, word) => sum + Math.log(((words.get(word) ?? 0) + 1) / totals.get(candidate)!),
        Math.log(documents.get(candidate)! / train.length),
      ),
      candidate,
    ]);
    return scored.reduce((best, next) => next[0] > best[0] ? next : best)[1] === label;
  });
  return right.length / test.length;
}
