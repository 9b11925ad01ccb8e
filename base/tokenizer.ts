/** The tokenizer of the built-in base: BERT's, over its own vocabulary. @module */

import { specialTokens } from "./vocabulary.ts";

/** Longest text in tokens, and rows of the table of positions. */
export const maxTokens = 128;

const special = { single_word: false, lstrip: false, rstrip: false, normalized: false };

/** `tokenizer.json`, which every Hugging Face tokenizer library reads. */
export function tokenizerJson(vocabulary: readonly string[]): Record<string, unknown> {
  const id = (token: string): number => vocabulary.indexOf(token);
  const mark = (token: string) => ({ SpecialToken: { id: token, type_id: 0 } });
  const sequence = (name: string, type: number) => ({ Sequence: { id: name, type_id: type } });
  const entry = (token: string) => ({ id: token, ids: [id(token)], tokens: [token] });
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content) => ({
      id: id(content),
      content,
      ...special,
      special: true,
    })),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [mark("[CLS]"), sequence("A", 0), mark("[SEP]")],
      pair: [
        mark("[CLS]"),
        sequence("A", 0),
        mark("[SEP]"),
        sequence("B", 1),
        { SpecialToken: { id: "[SEP]", type_id: 1 } },
      ],
      special_tokens: { "[CLS]": entry("[CLS]"), "[SEP]": entry("[SEP]") },
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(vocabulary.map((token, place) => [token, place])),
    },
  };
}

/** Which special token plays which part. */
export const specialTokensMap = {
  cls_token: "[CLS]",
  mask_token: "[MASK]",
  pad_token: "[PAD]",
  sep_token: "[SEP]",
  unk_token: "[UNK]",
} as const;

/** `tokenizer_config.json` */
export function tokenizerConfig(vocabulary: readonly string[]): Record<string, unknown> {
  return {
    added_tokens_decoder: Object.fromEntries(
      specialTokens.map((content) => [
        vocabulary.indexOf(content),
        { content, ...special, special: true },
      ]),
    ),
    clean_up_tokenization_spaces: true,
    ...specialTokensMap,
    do_lower_case: true,
    model_max_length: maxTokens,
    strip_accents: null,
    tokenize_chinese_chars: true,
    tokenizer_class: "BertTokenizer",
  };
}
