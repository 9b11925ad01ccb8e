// Rotary position embedding, Hugging Face's half rotation: with c, s of the token's position,
// y[.., j] = x[.., j] c - direction x[.., j + D/2] s and y[.., j + D/2] = x[.., j + D/2] c + direction x[.., j] s, overwritten.
// x, y [N,H,D], positions[N], table[positions, D] = cosines then sines, each [D/2]. direction -1 is its backward. count = N H D/2.
// An invocation covers one pair.
@group(0) @binding(INDEX) var<storage, read> x: array<f32>;
@group(0) @binding(INDEX) var<storage, read> positions: array<u32>;
@group(0) @binding(INDEX) var<storage, read> table: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> y: array<f32>;
struct Params {
  count: u32,
  heads: u32,
  half_size: u32,
  direction: f32,
}
@group(0) @binding(INDEX) var<uniform> params: Params;

@compute @workgroup_size(256)
fn main(
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = workgroup_number(group, groups) * 256u + local.x;
  if (i >= params.count) { return; }
  let j = i % params.half_size;
  let vector = i / params.half_size;
  let start = vector * 2u * params.half_size + j;
  let angle = positions[vector / params.heads] * 2u * params.half_size + j;
  let cosine = table[angle];
  let sine = params.direction * table[angle + params.half_size];
  let first = x[start];
  let second = x[start + params.half_size];
  y[start] = first * cosine - second * sine;
  y[start + params.half_size] = second * cosine + first * sine;
}
