/**
 * The shapes that text takes on its way to the model: a labelled sample, its token ids, a padded batch.
 *
 * @module
 */

/** Which part of the data a sample belongs to. */
export type SplitName = "train" | "validation" | "test";

/** One labelled text. */
export interface Sample {
  /** Names the sample in errors and in split files; unique within a file only if the file made it so. */
  readonly id: string;
  /** May be empty where stripping left nothing. */
  readonly text: string;
  /** One of the data's labels. */
  readonly label: string;
  /** The part the source assigned the sample to, where it did. */
  readonly split?: SplitName;
  /** The client the source assigned the sample to, from 0, where it did: column "client". */
  readonly client?: number;
}

/** A data set ready to be partitioned: the label set, in the order of the classifier's outputs, and three parts. */
export interface LabelledData {
  /** What reports call it. */
  readonly name: string;
  /** The label set; a label's place is its class index. */
  readonly labels: readonly string[];
  /** Samples to train on. */
  readonly train: readonly Sample[];
  /** Samples to choose settings and rounds by. */
  readonly validation: readonly Sample[];
  /** Samples for the final score alone. */
  readonly test: readonly Sample[];
}

/** A sample as the model sees it; `ids` is already truncated to the longest bucket. */
export interface TokenizedSample {
  /** Token ids, special tokens included. */
  readonly ids: Uint32Array;
  /** Index into the label set. */
  readonly label: number;
}

/** A fixed-shape batch: rows beyond `rows` and tokens beyond a row's length are padding. */
export interface Batch {
  /** Rows, real and padding. */
  readonly B: number;
  /** Tokens a row, real and padding: one of the buckets. */
  readonly T: number;
  /** [B, T] token ids, `padId` where the mask is 0. */
  readonly ids: Uint32Array;
  /** [B, T] 1 on real tokens. */
  readonly mask: Uint32Array;
  /** [B] label indices, 0 on padding rows. */
  readonly labels: Uint32Array;
  /** [B] 1/rows on real rows, 0 on padding rows. */
  readonly weights: Float32Array;
  /** Real rows, 1..B. */
  readonly rows: number;
}

/** Turns text into token ids, special tokens included, as the model was trained to read it. */
export interface TextTokenizer {
  /** The tokenizer's class. */
  readonly name: string;
  /** SHA-256, in hex, of the tokenizer's JSON files: equal hashes give equal ids. */
  readonly hash: string;
  /** Id that fills the masked end of short rows. */
  readonly padId: number;
  /** Token ids of a text of any length, special tokens included. */
  encode(text: string): Uint32Array;
}

/** A tokenizer that turns ids back into text too. */
export interface ReversibleTokenizer extends TextTokenizer {
  /** The text of some ids, special tokens left out; a character whose bytes are not all there comes out as U+FFFD. */
  decode(ids: ArrayLike<number>): string;
}
