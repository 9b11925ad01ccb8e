// dgamma[c] = sum over n of dy[n,c] (x[n,c] - mean[n]) rstd[n], dbeta[c] = sum over n of dy[n,c], overwritten.
// x, dy [N,C], statistics[N,2] = mean, 1 / standard deviation; dgamma, dbeta [C]; count = C.
// An invocation covers one element.
@group(0) @binding(INDEX) var<storage, read> x: array<f32>;
@group(0) @binding(INDEX) var<storage, read> statistics: array<f32>;
@group(0) @binding(INDEX) var<storage, read> dy: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> dgamma: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> dbeta: array<f32>;
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
  var scale_sum: f32 = 0.0;
  var shift_sum: f32 = 0.0;
  for (var n: u32 = 0u; n < params.rows; n = n + 1u) {
    let d = dy[n * params.count + i];
    scale_sum = scale_sum + d * (x[n * params.count + i] - statistics[2u * n]) * statistics[2u * n + 1u];
    shift_sum = shift_sum + d;
  }
  dgamma[i] = scale_sum;
  dbeta[i] = shift_sum;
}
