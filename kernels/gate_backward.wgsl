// da[i] = f'(a[i]) b[i] dy[i], db[i] = f(a[i]) dy[i], overwritten; f by KIND. All [count].
// An invocation covers one element.
@group(0) @binding(INDEX) var<storage, read> a: array<f32>;
@group(0) @binding(INDEX) var<storage, read> b: array<f32>;
@group(0) @binding(INDEX) var<storage, read> dy: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> da: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> db: array<f32>;
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
  da[i] = activate_derivative(a[i]) * b[i] * dy[i];
  db[i] = activate(a[i]) * dy[i];
}
