// y[b,c] = sum over t of w[b,t] x[b,t,c], overwritten: mean, first or last token, by the weights. x[B,T,C], w[B,T], y[B,C].
// An invocation covers one element.
@group(0) @binding(INDEX) var<storage, read> x: array<f32>;
@group(0) @binding(INDEX) var<storage, read> w: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> y: array<f32>;
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
  let batch = i / params.width;
  let column = i % params.width;
  var sum: f32 = 0.0;
  for (var t: u32 = 0u; t < params.tokens; t = t + 1u) {
    let n = batch * params.tokens + t;
    sum = sum + w[n] * x[n * params.width + column];
  }
  y[i] = sum;
}
