// y[n,c] = (x[n,c] - mean) rstd gamma[c] + beta[c], overwritten; statistics[n] = mean, rstd = 1 / sqrt(variance + epsilon).
// x, y [N,C], gamma, beta [C], statistics[N,2] kept for the gradient only.
// A workgroup covers one row.
@group(0) @binding(INDEX) var<storage, read> x: array<f32>;
@group(0) @binding(INDEX) var<storage, read> gamma: array<f32>;
@group(0) @binding(INDEX) var<storage, read> beta: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> y: array<f32>;
//#if SAVE
@group(0) @binding(INDEX) var<storage, read_write> statistics: array<f32>;
//#endif
struct Params {
  rows: u32,
  width: u32,
  epsilon: f32,
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
  var sum: f32 = 0.0;
  for (var c: u32 = lane; c < params.width; c = c + LANES) { sum = sum + x[start + c]; }
  let mean = workgroup_sum(sum, lane) / size;
  var squares: f32 = 0.0;
  for (var c: u32 = lane; c < params.width; c = c + LANES) {
    let centred = x[start + c] - mean;
    squares = squares + centred * centred;
  }
  let rstd = 1.0 / sqrt(workgroup_sum(squares, lane) / size + params.epsilon);
  for (var c: u32 = lane; c < params.width; c = c + LANES) {
    y[start + c] = (x[start + c] - mean) * rstd * gamma[c] + beta[c];
  }
//#if SAVE
  if (lane == 0u) {
    statistics[2u * row] = mean;
    statistics[2u * row + 1u] = rstd;
  }
//#endif
}
