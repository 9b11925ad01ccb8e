// loss[n] = weights[n] (log sum exp logits[n] - logits[n, labels[n]]), 0 for the label 0xFFFFFFFF, overwritten; lse[n] kept for the gradient.
// logits[N,L], labels, weights, loss, lse [N].
// A workgroup covers one row.
@group(0) @binding(INDEX) var<storage, read> logits: array<f32>;
@group(0) @binding(INDEX) var<storage, read> labels: array<u32>;
@group(0) @binding(INDEX) var<storage, read> weights: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> loss: array<f32>;
//#if SAVE
@group(0) @binding(INDEX) var<storage, read_write> lse: array<f32>;
//#endif
struct Params {
  rows: u32,
  classes: u32,
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
  let start = row * params.classes;
  var highest: f32 = -3.4e38;
  for (var c: u32 = lane; c < params.classes; c = c + LANES) { highest = max(highest, logits[start + c]); }
  highest = workgroup_max(highest, lane);
  var sum: f32 = 0.0;
  for (var c: u32 = lane; c < params.classes; c = c + LANES) { sum = sum + exp(logits[start + c] - highest); }
  let log_sum = highest + log(workgroup_sum(sum, lane));
  if (lane != 0u) { return; }
  let label = labels[row];
  loss[row] = 0.0;
  if (label != 0xFFFFFFFFu) { loss[row] = weights[row] * (log_sum - logits[start + min(label, params.classes - 1u)]); }
//#if SAVE
  lse[row] = log_sum;
//#endif
}
