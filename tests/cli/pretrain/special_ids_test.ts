import assert from "node:assert/strict";
import { readSpecialIds, specialIdSet } from "../../../src/cli/pretrain/special_ids.ts";
import { idsOf } from "../../../src/cli/pretrain/tokenizer_json.ts";
import { UserError } from "../../../src/protocol/errors.ts";
import { tokenizerConfig, tokenizerJson } from "./tiny_input.ts";

const bert = { tokenizer: tokenizerJson, config: tokenizerConfig };

Deno.test("readSpecialIds() reads a BERT tokenizer for both objectives", () => {
  assert.deepEqual(readSpecialIds(bert, "masked"), { pad: 0, start: 2, end: 3, mask: 4 });
  assert.deepEqual(readSpecialIds(bert, "next"), {
    pad: 0,
    start: undefined,
    end: 3,
    mask: undefined,
  });
});

Deno.test("readSpecialIds() takes tokens written as objects, beginning and end of text, and vocabularies as lists", () => {
  const config = {
    bos_token: { content: "<s>" },
    eos_token: { content: "</s>" },
    mask_token: "<m>",
  };
  const tokenizer = {
    model: { type: "Unigram", vocab: [["<s>", 0], ["</s>", -1], ["fish", -2]] },
    added_tokens: [{ id: 3, content: "<m>" }],
  };
  assert.equal(idsOf(tokenizer), 4);
  assert.deepEqual(readSpecialIds({ tokenizer, config }, "next"), {
    pad: 1,
    start: 0,
    end: 1,
    mask: undefined,
  });
  const special = readSpecialIds({ tokenizer, config }, "masked");
  assert.deepEqual(special, { pad: 0, start: 0, end: 1, mask: 3 });
  assert.deepEqual(specialIdSet(tokenizer, special), new Set([3, 0, 1]), "also those not listed");
});

Deno.test("readSpecialIds() names the token that is missing", () => {
  const without = (name: keyof typeof tokenizerConfig) => {
    const { [name]: _, ...config } = tokenizerConfig;
    return { tokenizer: tokenizerJson, config };
  };
  const refused = (input: typeof bert, objective: "masked" | "next", message: RegExp) =>
    assert.throws(
      () => readSpecialIds(input, objective),
      (error) => error instanceof UserError && message.test(error.message),
    );
  refused(without("mask_token") as typeof bert, "masked", /"masked".*"mask_token"/);
  refused(without("cls_token") as typeof bert, "masked", /"cls_token"/);
  refused(without("sep_token") as typeof bert, "next", /"next".*"eos_token"/);
  const unknown = { ...tokenizerConfig, mask_token: "<mask>" };
  refused({ tokenizer: tokenizerJson, config: unknown }, "masked", /"mask_token"/);
});
