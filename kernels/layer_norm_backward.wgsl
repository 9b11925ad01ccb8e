// With h = (x - mean) rstd and d = dy gamma: dx = rstd (d - mean(d) - h mean(d h)), overwritten.
// x, dy, dx [N,C], gamma[C], statistics[N,2] = mean, rstd.
// A workgroup covers one row.
@group(0) @binding(INDEX) var<storage, read> x: array<f32>;
@group(0) @binding(INDEX) var<storage, read> gamma: array<f32>;
@group(0) @binding(INDEX) var<storage, read> statistics: array<f32>;
@group(0) @binding(INDEX) var<storage, read> dy: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> dx: array<f32>;
struct Params {
  rows: u32,
  width: u32,
}
@group(0) @binding(INDEX) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = workgroup_number(group, groups);
  let lane = local.x;
  if (row >= params.rows) { return; }
  let start = row * params.width;
  let size = f32(params.width);
  let mean = statistics[2u * row];
  let rstd = statistics[2u * row + 1u];
  var sum: f32 = 0.0;
  var product: f32 = 0.0;
  for (var c: u32 = lane; c < params.width; c = c + LANES) {
    let d = dy[start + c] * gamma[c];
    sum = sum + d;
    product = product + d * (x[start + c] - mean) * rstd;
  }
  let mean_d = workgroup_sum(sum, lane) / size;
  let mean_product = workgroup_sum(product, lane) / size;
  for (var c: u32 = lane; c < params.width; c = c + LANES) {
    let h = (x[start + c] - mean) * rstd;
    dx[start + c] = rstd * (dy[start + c] * gamma[c] - mean_d - h * mean_product);
  }
}
