// ds = scale p (dp - sum over j of p dp), overwritten; where p is 0 because a key is not allowed, so is ds. p, dp, ds [B,H,T,T]; rows = B H T.
// A workgroup covers one row.
@group(0) @binding(INDEX) var<storage, read> p: array<f32>;
@group(0) @binding(INDEX) var<storage, read> dp: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> ds: array<f32>;
struct Params {
  rows: u32,
  tokens: u32,
  scale: f32,
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
  let start = row * params.tokens;
  var sum: f32 = 0.0;
  for (var j: u32 = lane; j < params.tokens; j = j + LANES) { sum = sum + p[start + j] * dp[start + j]; }
  sum = workgroup_sum(sum, lane);
  for (var j: u32 = lane; j < params.tokens; j = j + LANES) {
    ds[start + j] = params.scale * p[start + j] * (dp[start + j] - sum);
  }
}
