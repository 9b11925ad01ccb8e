// With h = x rstd and d = dy gamma: dx = rstd (d - h mean(d h)), overwritten. x, dy, dx [N,C], gamma[C], rstd[N].
// A workgroup covers one row.
@group(0) @binding(INDEX) var<storage, read> x: array<f32>;
@group(0) @binding(INDEX) var<storage, read> gamma: array<f32>;
@group(0) @binding(INDEX) var<storage, read> rstd: array<f32>;
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
  let scale = rstd[row];
  var product: f32 = 0.0;
  for (var c: u32 = lane; c < params.width; c = c + LANES) {
    product = product + dy[start + c] * gamma[c] * x[start + c] * scale;
  }
  let mean_product = workgroup_sum(product, lane) / f32(params.width);
  for (var c: u32 = lane; c < params.width; c = c + LANES) {
    dx[start + c] = scale * (dy[start + c] * gamma[c] - x[start + c] * scale * mean_product);
  }
}
