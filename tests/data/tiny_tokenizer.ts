/** A WordPiece tokenizer small enough to tokenize with by hand: [CLS] (2) and [SEP] (3) around every text. */
export const tinyTokenizerJson = {
  added_tokens: ["[UNK]", "[PAD]", "[CLS]", "[SEP]"].map((content, id) => ({
    id,
    content,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  })),
  normalizer: { type: "Lowercase" },
  pre_tokenizer: { type: "Whitespace" },
  post_processor: { type: "BertProcessing", sep: ["[SEP]", 3], cls: ["[CLS]", 2] },
  decoder: null,
  model: {
    type: "WordPiece",
    unk_token: "[UNK]",
    continuing_subword_prefix: "##",
    max_input_chars_per_word: 100,
    vocab: {
      "[UNK]": 0,
      "[PAD]": 1,
      "[CLS]": 2,
      "[SEP]": 3,
      "a": 4,
      "fish": 5,
      "##ing": 6,
      "##es": 7,
      ".": 8,
    },
  },
};

/** Its configuration. */
export const tinyTokenizerConfig = { tokenizer_class: "BertTokenizer", pad_token: "[PAD]" };
