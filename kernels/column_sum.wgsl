// y[c] = sum over n of x[n,c], overwritten. x[N,C], y[C]; count = C.
// An invocation covers one element.
@group(0) @binding(INDEX) var<storage, read> x: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> y: array<f32>;
struct Params {
  count: u32,
  rows: u32,
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
  var sum: f32 = 0.0;
  for (var n: u32 = 0u; n < params.rows; n = n + 1u) { sum = sum + x[n * params.count + i]; }
  y[i] = sum;
}
