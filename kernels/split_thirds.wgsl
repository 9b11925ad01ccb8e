// Cuts rows in three equal parts, with W = width:
// first[n, c] = x[n, c], second[n, c] = x[n, W + c], third[n, c] = x[n, 2 W + c], overwritten.
// x [N,3W], first, second and third [N,W]. count = N W. An invocation covers one element of each part.
@group(0) @binding(INDEX) var<storage, read> x: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> first: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> second: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> third: array<f32>;
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
  first[i] = x[start];
  second[i] = x[start + params.width];
  third[i] = x[start + 2u * params.width];
}
