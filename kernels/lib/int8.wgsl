// Whole numbers from -127 to 127, four a word, the earliest one in the low bits: shifted up by as much as drops the later ones, then down with the sign.
fn signed_bytes(word: u32) -> vec4<f32> {
  return vec4<f32>(bitcast<vec4<i32>>(vec4<u32>(word) << vec4<u32>(24u, 16u, 8u, 0u)) >> vec4<u32>(24u));
}

// The one at place `at` of an array, of the word that holds it.
fn signed_byte(word: u32, at: u32) -> f32 {
  return f32(bitcast<i32>(word << (24u - 8u * (at % 4u))) >> 24u);
}
