// dlogits[n,c] = dloss[n] weights[n] (exp(logits[n,c] - lse[n]) - [c = labels[n]]), 0 for the label 0xFFFFFFFF, overwritten.
// logits, dlogits [N,L], labels, weights, lse, dloss [N].
// A workgroup covers one row.
@group(0) @binding(INDEX) var<storage, read> logits: array<f32>;
@group(0) @binding(INDEX) var<storage, read> labels: array<u32>;
@group(0) @binding(INDEX) var<storage, read> weights: array<f32>;
@group(0) @binding(INDEX) var<storage, read> lse: array<f32>;
@group(0) @binding(INDEX) var<storage, read> dloss: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> dlogits: array<f32>;
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
  let label = labels[row];
  let factor = select(dloss[row] * weights[row], 0.0, label == 0xFFFFFFFFu);
  for (var c: u32 = lane; c < params.classes; c = c + LANES) {
    let target_value = select(0.0, 1.0, c == label);
    dlogits[start + c] = factor * (exp(logits[start + c] - lse[row]) - target_value);
  }
}
