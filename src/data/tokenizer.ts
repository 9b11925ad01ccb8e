import type * as Tokenizers from "npm:@huggingface/tokenizers@0.2.0";
import { lazyPackage } from "../protocol/lazy_package.ts";
import { buildTokenizer, checkTokenizerFiles, readTokenizerFacts } from "./tokenizer_files.ts";
import type { ReversibleTokenizer } from "./types.ts";

/**
 * Makes a tokenizer with the tokenizer engine of transformers.js alone, which is small and needs no native code. Its
 * post-processor adds the special tokens. The engine is loaded on first use.
 *
 * @param tokenizerJson Parsed `tokenizer.json`.
 * @param tokenizerConfig Parsed `tokenizer_config.json`; undefined where the model has none.
 * @throws {MissingTokenizerError} where `tokenizerJson` is missing or is no tokenizer.
 *
 * @example
 * ```ts
 * import { createTokenizer } from "./tokenizer.ts";
 * const vocab = { "[UNK]": 0, "[PAD]": 1, "[CLS]": 2, "[SEP]": 3, "fish": 4, "##ing": 5 };
 * const tokenizer = await createTokenizer({
 *   added_tokens: [],
 *   normalizer: { type: "Lowercase" },
 *   pre_tokenizer: { type: "Whitespace" },
 *   post_processor: { type: "BertProcessing", sep: ["[SEP]", 3], cls: ["[CLS]", 2] },
 *   decoder: null,
 *   model: { type: "WordPiece", unk_token: "[UNK]", continuing_subword_prefix: "##", vocab },
 * }, { pad_token: "[PAD]" });
 * if (tokenizer.encode("Fishing").join() !== "2,4,5,3") throw new Error("unreachable");
 * ```
 */
export async function createTokenizer(
  tokenizerJson: unknown,
  tokenizerConfig: unknown,
): Promise<ReversibleTokenizer> {
  const facts = await readTokenizerFacts(tokenizerJson, tokenizerConfig);
  const { tokenizer, config } = checkTokenizerFiles(tokenizerJson, tokenizerConfig);
  const { Tokenizer } = await lazyPackage<typeof Tokenizers>(
    "npm:@huggingface/tokenizers@0.2.0",
  );
  return buildTokenizer(facts, () => {
    const engine = new Tokenizer(tokenizer, config);
    return {
      encode: (text) => engine.encode(text).ids,
      decode: (ids, options) => engine.decode(ids, options),
    };
  });
}
