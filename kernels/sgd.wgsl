// Gradient descent with decoupled weight decay, and the sensitivity EMA, in one pass over the packed parameters, updated in place.
// w[count]; sensitivity[count,2] = smoothed mean, smoothed deviation; g[count], slots[count] (slot of each element), settings
// (lib/settings.wgsl), clip[2] = factor, norm. Sensitivity takes the raw gradient and the old w, for every element; where g has a proximal term,
// data_gradient[count] is without it. An element that is not trained keeps w to the bit. An invocation covers one element.
@group(0) @binding(INDEX) var<storage, read> g: array<f32>;
@group(0) @binding(INDEX) var<storage, read> slots: array<u32>;
@group(0) @binding(INDEX) var<storage, read> settings: array<f32>;
@group(0) @binding(INDEX) var<storage, read> clip: array<f32>;
//#if PROXIMAL
@group(0) @binding(INDEX) var<storage, read> data_gradient: array<f32>;
//#endif
@group(0) @binding(INDEX) var<storage, read_write> w: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> sensitivity: array<vec2<f32>>;
struct Params {
  count: u32,
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
  let old = w[i];
//#if !PROXIMAL
  let raw = g[i];
//#endif
//#if PROXIMAL
  let raw = data_gradient[i];
//#endif
  sensitivity[i] = smooth_sensitivity(sensitivity[i], old, raw, settings[7], settings[8]);
  let slot = slots[i];
  if (!slot_is_trained(slot)) { return; }
  let rate = slot_learning_rate(slot);
  w[i] = old - rate * (slot_weight_decay(slot) * old + g[i] * clip[0]);
}
