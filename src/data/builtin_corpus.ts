/**
 * The built-in corpus: short posts on twenty topics, generated from a seed.
 *
 * A post is a few sentences from fixed patterns. Its topical words come mostly from its own topic; the rest come from a
 * neighbouring topic, by a share drawn for each post, and now and then from anywhere. A post that drifts far enough
 * reads like its neighbour's, so no classifier reaches 100 %.
 *
 * @module
 */

import { type RandomStream, randomStream } from "../protocol/random.ts";
import { commonWords, patterns, topics, type TopicWords } from "./builtin_words.ts";
import type { LabelledData, Sample, SplitName } from "./types.ts";

/** Posts in each part; validation defaults to a tenth of train, at most 1,000. */
export interface CorpusSizes {
  /** Posts to train on. */
  readonly train: number;
  /** Posts to validate on, beside those to train on. */
  readonly validation?: number;
  /** Posts to test on. */
  readonly test: number;
}

/** Largest share of a post's topical words that come from a neighbouring topic. */
const mostDrift = 0.55;
/** Chance that a topical word comes from any topic at all. */
const stray = 0.05;

/**
 * Generates the corpus: lowercase words, full stops, commas and question marks, separated by spaces.
 *
 * Every part has its topics in equal shares. A post depends on the seed, its part and its place in it alone, so a
 * larger corpus of the same seed begins with the smaller one.
 *
 * @example
 * ```ts
 * import { builtinCorpus } from "./builtin_corpus.ts";
 * const corpus = builtinCorpus(7, { train: 40, test: 20 });
 * if (corpus.labels.length !== 20 || corpus.train.length !== 40) throw new Error("unreachable");
 * ```
 */
export function builtinCorpus(seed: number, sizes: CorpusSizes): LabelledData {
  const validation = sizes.validation ?? Math.min(1000, Math.ceil(sizes.train / 10));
  return {
    name: "built-in corpus",
    labels: topics.map(({ topic }) => topic).sort(),
    train: posts(seed, "train", sizes.train),
    validation: posts(seed, "validation", validation),
    test: posts(seed, "test", sizes.test),
  };
}

function posts(seed: number, split: SplitName, count: number): Sample[] {
  return Array.from({ length: count }, (_, index) => {
    const stream = randomStream(seed, "built-in corpus", split, index);
    const home = index % topics.length;
    const text = writePost(stream, home);
    return { id: `${split}/${index}`, text, label: topics[home].topic, split };
  });
}

function writePost(stream: RandomStream, home: number): string {
  const side = stream.integer(2) === 0 ? 1 : topics.length - 1;
  const neighbour = topics[(home + side) % topics.length];
  const drift = stream.uniform() ** 2 * mostDrift;
  const source = (): TopicWords => {
    const draw = stream.uniform();
    if (draw < stray) return pick(stream, topics);
    return draw < stray + (1 - stray) * drift ? neighbour : topics[home];
  };
  const sentences = 2 + stream.integer(3);
  return stream.shuffle(patterns).slice(0, sentences).map((pattern) =>
    pattern.split(" ").map((word) => slots[word]?.(stream, source) ?? word).join(" ")
  ).join(" ");
}

type Slot = (stream: RandomStream, source: () => TopicWords) => string;

const slots: Readonly<Record<string, Slot>> = {
  N: (stream, source) => pick(stream, source().nouns),
  V: (stream, source) => pick(stream, source().verbs),
  A: (stream, source) => pick(stream, source().adjectives),
  p: (stream) => pick(stream, commonWords.people),
  t: (stream) => pick(stream, commonWords.things),
  v: (stream) => pick(stream, commonWords.verbs),
  a: (stream) => pick(stream, commonWords.adjectives),
  d: (stream) => pick(stream, commonWords.adverbs),
};

function pick<T>(stream: RandomStream, items: readonly T[]): T {
  return items[stream.integer(items.length)];
}
