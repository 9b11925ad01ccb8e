/** The vocabulary of the built-in base. @module */

import { builtinVocabulary } from "../src/data/builtin_corpus.ts";
import { englishWords, prefixes, suffixes } from "./english_words.ts";

/** Special tokens; a token's id is its place. [PAD] is first, because id 0 pads by convention. */
export const specialTokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] as const;

const vowels = [..."aeiou"];
const consonants = [..."bcdfghjklmnpqrstvwxyz"];
const letters = [..."abcdefghijklmnopqrstuvwxyz"];
const digits = [..."0123456789"];
/** Printable ASCII that is no letter, digit or space, and the marks of typeset text. */
const marks = [..."!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~‘’“”–—…€£°"];

/**
 * Every token, in the order of the ids: special tokens; marks, digits and letters, whole and as continuations, so that nothing in ASCII is unknown;
 * every word of the built-in corpus, whole; common English, less the words that are another one and an ending; and, so that other words fall into few
 * pieces, beginnings, endings, and every consonant with its vowel.
 */
export function baseVocabulary(): string[] {
  const alphabet = [...digits, ...letters];
  const pairs = consonants.flatMap((consonant) => vowels.map((vowel) => consonant + vowel));
  const words = new Set([...builtinVocabulary(), ...englishWords]);
  const simpleWords = englishWords.filter((word) => !isDerived(word, words));
  const starts = [...marks, ...alphabet, ...builtinVocabulary(), ...simpleWords, ...prefixes];
  const continuations = [...alphabet, ...suffixes, ...pairs];
  return [
    ...new Set([
      ...specialTokens,
      ...starts,
      ...continuations.map((piece) => `##${piece}`),
    ]),
  ];
}

/** Whether a word is another word and an ending: "actually" is two pieces, "actual" and "##ly". */
function isDerived(word: string, words: ReadonlySet<string>): boolean {
  return suffixes.some((suffix) =>
    word.length > suffix.length + 2 && word.endsWith(suffix) &&
    words.has(word.slice(0, -suffix.length))
  );
}
