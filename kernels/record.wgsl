// rows[cursor[0], i] = x[i]: one row of a ring is overwritten, the others stay. x[count], cursor[1], rows[capacity,count].
// An invocation covers one element.
@group(0) @binding(INDEX) var<storage, read> x: array<f32>;
@group(0) @binding(INDEX) var<storage, read> cursor: array<u32>;
@group(0) @binding(INDEX) var<storage, read_write> rows: array<f32>;
struct Params {
  count: u32,
  capacity: u32,
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
  rows[min(cursor[0], params.capacity - 1u) * params.count + i] = x[i];
}
