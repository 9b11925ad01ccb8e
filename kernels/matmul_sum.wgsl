// y[i] = sum over p of partial[p,i], overwritten: the second stage of a product that was cut along K. partial[parts,count], y[count].
// An invocation covers one element.
@group(0) @binding(INDEX) var<storage, read> partial: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> y: array<f32>;
struct Params {
  count: u32,
  parts: u32,
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
  var sum: f32 = 0.0;
  for (var part: u32 = 0u; part < params.parts; part = part + 1u) {
    sum = sum + partial[part * params.count + i];
  }
  y[i] = sum;
}
