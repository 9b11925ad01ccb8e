// Half at place `at` of an array of halves, of the word that holds it: two a word, the earlier one in the low bits.
fn half_of(word: u32, at: u32) -> f32 {
  let pair = unpack2x16float(word);
  return select(pair.x, pair.y, at % 2u == 1u);
}
