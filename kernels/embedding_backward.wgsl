// dtable[v,c] = sum of dy[n,c] over the n with ids[n] = v, overwritten (0 where v does not occur): no atomics, one fixed order.
// ids[N], dy[N,C], dtable[V,C]; rows = V, tokens = N, width = C. A workgroup covers one row of the table.
@group(0) @binding(INDEX) var<storage, read> ids: array<u32>;
@group(0) @binding(INDEX) var<storage, read> dy: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> dtable: array<f32>;
struct Params {
  rows: u32,
  tokens: u32,
  width: u32,
}
@group(0) @binding(INDEX) var<uniform> params: Params;

var<workgroup> occurs: atomic<u32>;

@compute @workgroup_size(LANES)
fn main(
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = workgroup_number(group, groups);
  let lane = local.x;
  if (row >= params.rows) { return; }
  for (var n: u32 = lane; n < params.tokens; n = n + LANES) {
    if (ids[n] == row) { atomicStore(&occurs, 1u); }
  }
  workgroupBarrier();
  let used = atomicLoad(&occurs) != 0u;
  for (var c: u32 = lane; c < params.width; c = c + LANES) {
    var sum: f32 = 0.0;
    if (used) {
      for (var n: u32 = 0u; n < params.tokens; n = n + 1u) {
        if (ids[n] == row) { sum = sum + dy[n * params.width + c]; }
      }
    }
    dtable[row * params.width + c] = sum;
  }
}
