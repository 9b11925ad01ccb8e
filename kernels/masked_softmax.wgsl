// p[b,h,i,:] = softmax over the allowed keys j of scale s[b,h,i,j], 0 elsewhere; a row without allowed keys is all 0. Overwritten.
// Allowed: mask[b,j] != 0 and, where CAUSAL, j <= i, and where DOCUMENTS is kept, mask[b,j] = mask[b,i].
// s, p [B,H,T,T], mask[B,T]; rows = B H T.
// A workgroup covers one row.
@group(0) @binding(INDEX) var<storage, read> s: array<f32>;
@group(0) @binding(INDEX) var<storage, read> mask: array<u32>;
@group(0) @binding(INDEX) var<storage, read_write> p: array<f32>;
struct Params {
  rows: u32,
  heads: u32,
  tokens: u32,
  scale: f32,
}
@group(0) @binding(INDEX) var<uniform> params: Params;

override CAUSAL: bool = false;
const LOWEST: f32 = -3.4e38;

// Whether a key is in use, and of a query's document.
fn seen(key: u32, query: u32) -> bool {
  var result: bool = mask[key] != 0u;
//#if DOCUMENTS
  result = result && mask[key] == mask[query];
//#endif
  return result;
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = workgroup_number(group, groups);
  let lane = local.x;
  if (row >= params.rows) { return; }
  let start = row * params.tokens;
  let keys = row / (params.heads * params.tokens) * params.tokens;
  let query = keys + row % params.tokens;
  let end = select(params.tokens, row % params.tokens + 1u, CAUSAL);
  var highest: f32 = LOWEST;
  for (var j: u32 = lane; j < end; j = j + LANES) {
    if (seen(keys + j, query)) { highest = max(highest, params.scale * s[start + j]); }
  }
  highest = workgroup_max(highest, lane);
  var sum: f32 = 0.0;
  for (var j: u32 = lane; j < end; j = j + LANES) {
    if (seen(keys + j, query)) { sum = sum + exp(params.scale * s[start + j] - highest); }
  }
  sum = workgroup_sum(sum, lane);
  for (var j: u32 = lane; j < params.tokens; j = j + LANES) {
    var value: f32 = 0.0;
    if (j < end && seen(keys + j, query)) { value = exp(params.scale * s[start + j] - highest) / sum; }
    p[start + j] = value;
  }
}
