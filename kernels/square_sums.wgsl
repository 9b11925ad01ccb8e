// sums[w] = sum of g[i]^2 over the elements of chunk w whose slot is trained, overwritten: the first half of the global gradient norm.
// g[count], slots[count] (slot of each element), settings = 16 step settings, then 5 numbers a slot (lib/settings.wgsl); sums[ceil(count / 4096)].
// A workgroup covers a chunk of 4096 elements.
@group(0) @binding(INDEX) var<storage, read> g: array<f32>;
@group(0) @binding(INDEX) var<storage, read> slots: array<u32>;
@group(0) @binding(INDEX) var<storage, read> settings: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> sums: array<f32>;
struct Params {
  count: u32,
}
@group(0) @binding(INDEX) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let chunk = workgroup_number(group, groups);
  let start = chunk * 4096u;
  if (start >= params.count) { return; }
  let end = min(start + 4096u, params.count);
  var sum: f32 = 0.0;
  for (var i: u32 = start + local.x; i < end; i = i + LANES) {
    if (slot_is_trained(slots[i])) { sum = sum + g[i] * g[i]; }
  }
  sum = workgroup_sum(sum, local.x);
  if (local.x == 0u) { sums[chunk] = sum; }
}
