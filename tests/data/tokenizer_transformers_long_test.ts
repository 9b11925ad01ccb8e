import assert from "node:assert/strict";
import { conversations, learnedTokens } from "../../src/data/chat.ts";
import { MissingTokenizerError } from "../../src/data/errors.ts";
import { replyPrompt } from "../../src/data/reply_prompt.ts";
import { createTokenizer } from "../../src/data/tokenizer.ts";
import { createTransformersTokenizer } from "../../src/data/tokenizer_transformers.ts";
import { loadData } from "../../src/data/load.ts";
import { readTokenizerFiles, sharedFile } from "./shared_folder.ts";
import { tinyTokenizerConfig, tinyTokenizerJson } from "./tiny_tokenizer.ts";

const trickyTexts = [
  "",
  " ",
  "\n\n\t ",
  "a",
  "Hello, world!",
  "  two  spaces   and\ttabs \r\n line\nends\n",
  "don't can't I'll we've it's O'Neill's",
  "naïve café Ångström résumé — “quotes” … ™",
  "e\u0301 combining, \u200b zero width, \u00a0 no-break, \u00ad soft hyphen, \ufeff mark",
  "中文字符 日本語テキスト 한국어 العربية עברית हिन्दी",
  "emoji 😀 👩‍👩‍👧 🇩🇪 ✌🏽",
  "[CLS] [SEP] [MASK] <unk> <s> </s> <|start_story|> <|endoftext|>",
  "lone \ud800 surrogate",
  "From: x@y.z (A B)\nLines: 12\n\n>> quoted\n--\nsig | 3.14e-10 $5,000.00 #42 a_b-c/d\\e",
  "M&Ms &lt;b&gt; <b>bold</b> http://a.b/c?d=e&f=g",
  "\u0000\u0001\u0007 control \x7f",
  "antidisestablishmentarianism".repeat(8),
  "=".repeat(300) + "-".repeat(77),
  "İstanbul ẞ ǅ ﬁ ligature ½ ² Ⅳ",
];

Deno.test("createTransformersTokenizer() gives the ids of createTokenizer() for a tiny tokenizer", async () => {
  const files = [tinyTokenizerJson, tinyTokenizerConfig] as const;
  const light = await createTokenizer(...files);
  const full = await createTransformersTokenizer(...files);
  assert.deepEqual([...full.encode("Fishing a fishes. trout")], [2, 5, 6, 4, 5, 7, 8, 0, 3]);
  assert.deepEqual([full.name, full.hash, full.padId], [light.name, light.hash, light.padId]);
});

Deno.test("createTransformersTokenizer() rejects a model without tokenizer.json", async () => {
  await assert.rejects(createTransformersTokenizer(null, {}), MissingTokenizerError);
});

const posts = sharedFile("data/20news-bydate.jsonl.gz");

for (
  const folder of [
    "tokenizers/bert-base-uncased",
    "models/tinystories-656k",
    "fixtures/tiny-random-gpt2-fp32",
  ]
) {
  Deno.test({
    name: `createTransformersTokenizer() gives the ids of createTokenizer() for ${folder}`,
    ignore: sharedFile(`${folder}/tokenizer.json`) === undefined,
    fn: async () => {
      const files = readTokenizerFiles(folder);
      const light = await createTokenizer(...files);
      const full = await createTransformersTokenizer(...files);
      for (const text of trickyTexts) {
        const ids = light.encode(text);
        assert.deepEqual(full.encode(text), ids, JSON.stringify(text));
        assert.equal(full.decode(ids), light.decode(ids), JSON.stringify(text));
      }
    },
  });

  Deno.test({
    name: `createTransformersTokenizer() gives the ids of createTokenizer() on posts for ${folder}`,
    ignore: posts === undefined || sharedFile(`${folder}/tokenizer.json`) === undefined,
    fn: async () => {
      const files = readTokenizerFiles(folder);
      const light = await createTokenizer(...files);
      const full = await createTransformersTokenizer(...files);
      const bytes = Deno.readFileSync(posts!);
      const { validation } = await loadData({ name: "posts.jsonl.gz", bytes, seed: 1 });
      for (const { id, text } of validation.slice(0, 100)) {
        assert.deepEqual(full.encode(text), light.encode(text), id);
      }
    },
  });
}

Deno.test("createTransformersTokenizer() renders conversations by the config's template, whose replies are learned", async () => {
  const template = "{{ bos_token }}{% for m in messages %}" +
    "{{ m.role }}: {{ m.content }}{{ eos_token if m.role == 'assistant' else ' ' }}{% endfor %}" +
    "{% if add_generation_prompt %}assistant: {% endif %}";
  const config = {
    ...tinyTokenizerConfig,
    bos_token: "[CLS]",
    eos_token: "[SEP]",
    chat_template: template,
  };
  const tokenizer = await createTransformersTokenizer(tinyTokenizerJson, config);
  const messages = [
    { role: "user", content: "fishing" },
    { role: "assistant", content: "a fish" },
  ];
  const text = "[CLS]user: fishing assistant: a fish[SEP]";
  assert.equal(tokenizer.chat?.render(messages, false), text);
  const sample = { id: "1", text: JSON.stringify(messages), label: "" };
  const { ids, learned } = learnedTokens(
    conversations(template).encoder(tokenizer)(sample),
    Infinity,
  );
  assert.equal(ids[0], 2);
  assert.notEqual(ids[1], 2, "special tokens stand in the template and are not added again");
  const reply = [...ids].filter((_, t) => learned[t] === 1);
  assert.deepEqual(reply, [4, 5, 3]);
  const prompt = replyPrompt(tokenizer, messages.slice(0, 1));
  assert.deepEqual(prompt.ids, ids.slice(0, learned.indexOf(1)));
  assert.deepEqual(prompt.endTokens, [3]);

  const bare = await createTransformersTokenizer(tinyTokenizerJson, tinyTokenizerConfig);
  assert.throws(
    () => conversations("none").encoder(bare)(sample),
    /^DataError: Cannot use the conversation of row "1": the chat template failed: /,
  );
  assert.throws(
    () => replyPrompt(bare, messages.slice(0, 1)),
    /^UserError: Cannot ask for a reply: the chat template failed: /,
  );
});
