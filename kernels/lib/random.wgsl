// Counter-based uniform numbers in [0, 1): the PCG hash (Jarzynski and Olano 2020), applied twice.
fn pcg(value: u32) -> u32 {
  let state = value * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}

fn uniform_at(index: u32, seed: u32, stream: u32) -> f32 {
  let bits = pcg(pcg(index + seed * 0x9E3779B9u + stream * 0x85EBCA6Bu));
  return f32(bits >> 8u) / 16777216.0;
}
