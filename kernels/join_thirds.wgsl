// Puts three rows side by side, the backward of split_thirds, with W = width:
// y[n, c] = first[n, c], y[n, W + c] = second[n, c], y[n, 2 W + c] = third[n, c], overwritten.
// first, second and third [N,W], y [N,3W]. count = N W. An invocation covers one element of each part.
@group(0) @binding(INDEX) var<storage, read> first: array<f32>;
@group(0) @binding(INDEX) var<storage, read> second: array<f32>;
@group(0) @binding(INDEX) var<storage, read> third: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> y: array<f32>;
struct Params {
  count: u32,
  width: u32,
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
  let start = i + (i / params.width) * 2u * params.width;
  y[start] = first[i];
  y[start + params.width] = second[i];
  y[start + 2u * params.width] = third[i];
}
