import assert from "node:assert/strict";
import { parseJsonLines } from "../../src/data/jsonl.ts";
import { sha256Hex } from "../../src/protocol/hash.ts";
import { decodeText, gunzip } from "../../src/data/rows.ts";
import {
  strip,
  stripFooters,
  stripHeaders,
  stripParts,
  stripQuotes,
} from "../../src/data/strip.ts";
import { sharedFile } from "./shared_folder.ts";

Deno.test("stripHeaders() keeps what follows the first blank line", () => {
  assert.equal(stripHeaders("From: ann\nSubject: x\n\nHello\n\nBye"), "Hello\n\nBye");
  assert.equal(stripHeaders("\n\nHello"), "Hello");
  assert.equal(stripHeaders("From: ann\n\n"), "");
});

Deno.test("stripHeaders() leaves nothing when there is no blank line", () => {
  assert.equal(stripHeaders("From: ann\nHello"), "");
  assert.equal(stripHeaders("From: ann\n \nHello"), "", "a line of spaces is not blank");
});

Deno.test("stripFooters() cuts at the last blank line or line of hyphens", () => {
  assert.equal(stripFooters("Hello\n\nBody\n\nAnn"), "Hello\n\nBody");
  assert.equal(stripFooters("Body\n--\nAnn\nTown"), "Body");
  assert.equal(stripFooters("Body\n  ---- \nAnn"), "Body");
  assert.equal(stripFooters("Body\n \t\nAnn"), "Body");
});

Deno.test("stripFooters() does not count blank lines at the end", () => {
  assert.equal(stripFooters("Body\n\nAnn\n\n\n"), "Body");
  assert.equal(stripFooters("\n\nBody\n--\nAnn\n"), "Body");
});

Deno.test("stripFooters() returns the text untouched when there is no separator below its first line", () => {
  assert.equal(stripFooters("  one\ntwo  \n"), "  one\ntwo  \n");
  assert.equal(stripFooters("--\nAnn\n"), "--\nAnn\n");
  assert.equal(stripFooters("one\n- -\ntwo"), "one\n- -\ntwo", "hyphens apart are text");
  assert.equal(stripFooters(""), "");
});

Deno.test("stripFooters() takes white space as Python does", () => {
  assert.equal(stripFooters("Body\n\x1c\nAnn"), "Body");
  assert.equal(stripFooters("Body\n\ufeff\nAnn"), "Body\n\ufeff\nAnn");
});

Deno.test("stripQuotes() drops quoted lines and their announcements", () => {
  assert.equal(stripQuotes("Bob writes:\n> is it?\n| so\nIt is."), "It is.");
  assert.equal(stripQuotes("In article <1> bob said\nYes"), "Yes");
  assert.equal(stripQuotes("Quoted from bob\nhe says: no\nNo"), "No");
});

Deno.test("stripQuotes() keeps marks that do not begin a line", () => {
  const text = "a > b\nsee In article\n > indented\nwrote nothing";
  assert.equal(stripQuotes(text), text);
});

Deno.test("strip() applies headers, footers, quotes in that order, however they are listed", () => {
  const post = "From: ann\n\n> old\n\nNew text\n--\nAnn wrote: this";
  assert.equal(strip(post, ["quotes", "footers", "headers"]), "\nNew text");
  assert.equal(strip(post, ["headers"]), "> old\n\nNew text\n--\nAnn wrote: this");
  assert.equal(strip(post, []), post);
  // Quotes before footers would leave a blank line at the end, which is no separator.
  assert.equal(strip("A: b\n\ntext\n\n> q", ["quotes", "footers", "headers"]), "text");
});

const newsgroups = sharedFile("data/20news-bydate.jsonl.gz");

// strip_golden.py printed these numbers with scikit-learn 1.9.1.
Deno.test({
  name: "strip() equals scikit-learn on every post of 20 Newsgroups",
  ignore: newsgroups === undefined,
  fn: async () => {
    const bytes = await gunzip("posts", Deno.readFileSync(newsgroups!));
    const texts = parseJsonLines("posts", decodeText("posts", bytes)).map(({ fields }) =>
      strip(String(fields.text), stripParts)
    );
    assert.equal(texts.length, 18846);
    assert.equal(texts.filter((text) => text.trim() === "").length, 515);
    assert.equal(
      await sha256Hex(new TextEncoder().encode(texts.map((text) => text + "\0").join(""))),
      "718c8d3b4df08ae8ce943e04fee6b3d799a69196ef64dbdb4fe639115657355d",
    );
  },
});
