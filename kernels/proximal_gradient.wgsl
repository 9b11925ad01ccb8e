// y[i] = g[i] + mu * (w[i] - anchor[i]), overwritten: the gradient of a local loss with FedProx's term mu/2 * |w - anchor|^2 (Li et al. 2020).
// g[count], w[count], anchor[count] (the parameters that the round started from), settings with mu at 4 (lib/settings.wgsl); y[count].
// An invocation covers one element.
@group(0) @binding(INDEX) var<storage, read> g: array<f32>;
@group(0) @binding(INDEX) var<storage, read> w: array<f32>;
@group(0) @binding(INDEX) var<storage, read> anchor: array<f32>;
@group(0) @binding(INDEX) var<storage, read> settings: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> y: array<f32>;
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
  y[i] = g[i] + settings[4] * (w[i] - anchor[i]);
}
