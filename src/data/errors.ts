import { UserError } from "../protocol/errors.ts";

/** A data file that cannot be used: unreadable, malformed, empty, or with a row that lacks what it needs. */
export class DataError extends UserError {
  /** The class's name, as errors carry it. */
  override name = "DataError";
}

/** A model folder without the `tokenizer.json` that its text must be tokenized with. */
export class MissingTokenizerError extends UserError {
  /** The class's name, as errors carry it. */
  override name = "MissingTokenizerError";
}

/** A way of dealing samples to clients that cannot be carried out. */
export class PartitionError extends UserError {
  /** The class's name, as errors carry it. */
  override name = "PartitionError";
}

/** More clients than samples: some client would have nothing to train on. */
export class TooManyClientsError extends PartitionError {
  /** The class's name, as errors carry it. */
  override name = "TooManyClientsError";
}
