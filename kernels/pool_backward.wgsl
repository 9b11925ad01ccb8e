// dx[b,t,c] = w[b,t] dy[b,c], overwritten. w[B,T], dy[B,C], dx[B,T,C].
// An invocation covers one element.
@group(0) @binding(INDEX) var<storage, read> w: array<f32>;
@group(0) @binding(INDEX) var<storage, read> dy: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> dx: array<f32>;
struct Params {
  count: u32,
  tokens: u32,
  width: u32,
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
  let n = i / params.width;
  dx[i] = w[n] * dy[n / params.tokens * params.width + i % params.width];
}
