// y[i] = u(i) >= rate ? x[i] / (1 - rate) : 0, overwritten; u(i) from (i, seed[0], stream). x, y [count], seed[1].
// The same dispatch on dy is its backward: the mask is computed again, never stored.
// An invocation covers one element.
@group(0) @binding(INDEX) var<storage, read> x: array<f32>;
@group(0) @binding(INDEX) var<storage, read> seed: array<u32>;
@group(0) @binding(INDEX) var<storage, read_write> y: array<f32>;
struct Params {
  count: u32,
  stream: u32,
  rate: f32,
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
  let keep = uniform_at(i, seed[0], params.stream) >= params.rate;
  y[i] = select(0.0, x[i] / (1.0 - params.rate), keep);
}
