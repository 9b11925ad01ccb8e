import { lazyPackage, TRANSFORMERS_PACKAGE } from "../protocol/lazy_package.ts";
import {
  buildTokenizer,
  checkTokenizerFiles,
  readTokenizerFacts,
  type TokenizerEngine,
} from "./tokenizer_files.ts";
import type { ReversibleTokenizer } from "./types.ts";

type TokenizerConstructor = new (tokenizer: object, config: object) => TokenizerEngine;

/**
 * Makes a tokenizer with transformers.js, of the class that the configuration names, as its `AutoTokenizer` does: for
 * every model a user names. Loading transformers.js takes about 500 MB on disk and needs permission for native code;
 * `createTokenizer` gives the same ids without.
 *
 * @param tokenizerJson Parsed `tokenizer.json`.
 * @param tokenizerConfig Parsed `tokenizer_config.json`; undefined where the model has none.
 * @throws {MissingTokenizerError} where `tokenizerJson` is missing or is no tokenizer.
 */
export async function createTransformersTokenizer(
  tokenizerJson: unknown,
  tokenizerConfig: unknown,
): Promise<ReversibleTokenizer> {
  const facts = await readTokenizerFacts(tokenizerJson, tokenizerConfig);
  const { tokenizer, config } = checkTokenizerFiles(tokenizerJson, tokenizerConfig);
  const classes = await lazyPackage<Readonly<Record<string, TokenizerConstructor>>>(
    TRANSFORMERS_PACKAGE,
  );
  const className = facts.name.replace(/Fast$/, ""); // configurations name Python's fast classes
  const Constructor = className.endsWith("Tokenizer") && Object.hasOwn(classes, className)
    ? classes[className]
    : classes.PreTrainedTokenizer;
  return buildTokenizer(facts, () => new Constructor(tokenizer, config));
}
