// y[n,c] = x[n,c] rstd gamma[c], overwritten; rstd[n] = 1 / sqrt(mean of x[n]^2 + epsilon), kept for the gradient only.
// x, y [N,C], gamma[C], rstd[N].
// A workgroup covers one row.
@group(0) @binding(INDEX) var<storage, read> x: array<f32>;
@group(0) @binding(INDEX) var<storage, read> gamma: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> y: array<f32>;
//#if SAVE
@group(0) @binding(INDEX) var<storage, read_write> rstd: array<f32>;
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
  var squares: f32 = 0.0;
  for (var c: u32 = lane; c < params.width; c = c + LANES) { squares = squares + x[start + c] * x[start + c]; }
  let scale = 1.0 / sqrt(workgroup_sum(squares, lane) / f32(params.width) + params.epsilon);
  for (var c: u32 = lane; c < params.width; c = c + LANES) { y[start + c] = x[start + c] * scale * gamma[c]; }
//#if SAVE
  if (lane == 0u) { rstd[row] = scale; }
//#endif
}
