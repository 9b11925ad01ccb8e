/**
 * The shapes that text takes on its way to the model: a labelled sample, its token ids, a padded batch.
 *
 * @module
 */

/** Which part of the data a sample belongs to. */
export type SplitName = "train" | "validation" | "test";

/** One text. */
export interface Sample {
  /** Names the sample in errors and in split files; unique within a file only if the file made it so. */
  readonly id: string;
  /** May be empty where stripping left nothing. A conversation's is a JSON list of {@linkcode ChatMessage}. */
  readonly text: string;
  /** One of the data's labels; empty where the data has none. */
  readonly label: string;
  /** The part the source assigned the sample to, where it did. */
  readonly split?: SplitName;
  /** The client the source assigned the sample to, from 0, where it did: column "client". */
  readonly client?: number;
}

/** A message of a conversation. */
export interface ChatMessage {
  /** Who speaks, such as "user" or "assistant". */
  readonly role: string;
  /** What is said. */
  readonly content: string;
}

/** A data set ready to be partitioned: the label set, in the order of the classifier's outputs, and three parts. */
export interface LabelledData {
  /** What reports call it. */
  readonly name: string;
  /** Whether its texts are conversations (default: no). */
  readonly conversations?: boolean;
  /** The label set; a label's place is its class index. Empty where the texts have none. */
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

/** A row of tokens for a language model: one or more documents, none of which sees another. */
export interface TokenRow {
  /** Token ids. */
  readonly ids: Uint32Array;
  /** [ids.length] number of each token's document in the row, ascending from 1. */
  readonly documents: Uint32Array;
  /** [ids.length] 1 where the token is predicted from those before it in its document. */
  readonly learned: Uint8Array;
}

/** What a model is trained and evaluated on. */
export type ModelRow = TokenizedSample | TokenRow;

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
  /** [B] the same on every real row, 0 on padding rows. */
  readonly weights: Float32Array;
  /** Real rows, 1..B. */
  readonly rows: number;
}

/** A fixed-shape batch of a language model, with P = B·(T − 1) predictions: what lies beyond a row's length, and predictions beyond `predictions`, is padding. */
export interface TokenBatch {
  /** Rows, real and padding. */
  readonly B: number;
  /** Tokens a row, real and padding: one of the buckets. */
  readonly T: number;
  /** [B, T] token ids, `padId` where the mask is 0. */
  readonly ids: Uint32Array;
  /** [B, T] number of each token's document in its row, from 1. */
  readonly mask: Uint32Array;
  /** [B, T] place of each token in its document, from 0. */
  readonly positions: Uint32Array;
  /** [P] places in B·T that are predicted from, 0 in padding. */
  readonly places: Uint32Array;
  /** [P] the tokens that come next, 0 in padding. */
  readonly labels: Uint32Array;
  /** [P] weight of each prediction, 0 in padding. */
  readonly weights: Float32Array;
  /** Predictions that are not padding; they come first. */
  readonly predictions: number;
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
  /** How it renders conversations; absent where it cannot. */
  readonly chat?: ChatRenderer;
}

/** A tokenizer's chat template. */
export interface ChatRenderer {
  /**
   * A conversation as text, up to its last message, or up to where a reply begins.
   *
   * @throws {Error} where the tokenizer has no template, or the template fails.
   */
  render(messages: readonly ChatMessage[], forReply: boolean): string;
  /** Token ids of what was rendered, which has its special tokens in it. */
  encode(rendered: string): Uint32Array;
}

/** A tokenizer that turns ids back into text too. */
export interface ReversibleTokenizer extends TextTokenizer {
  /** The text of some ids, special tokens left out; a character whose bytes are not all there comes out as U+FFFD. */
  decode(ids: ArrayLike<number>): string;
}
