// context[b,i,h,:] = sum over the allowed keys j of p_ij v[b,j,h/group,:], p = softmax over them of scale q[b,i,h,:] k[b,j,h/group,:];
// log_sum_exp[b,h,i] = log of the sum of their exponentials. Both 0 where no key is allowed. Overwritten.
// Allowed: mask[b,j] != 0 and, where CAUSAL, j <= i, and where DOCUMENTS is kept, mask[b,j] = mask[b,i].
// q, context [B,T,H,D], k, v [B,T,H/group,D], mask [B,T], log_sum_exp [B,H,T].
// VECTOR needs D to be a multiple of 4; COLUMNS_64 and so on are kept where D is above 32 and so on, up to 128.
// A workgroup covers 32 queries of a head and goes through its keys 32 at a time, rescaling what it has whenever a higher score turns up
// (online softmax); an invocation computes 4 queries x 4 keys of the scores, then 4 queries x 4 columns of each 32 of the context.
//#if SCALAR
@group(0) @binding(INDEX) var<storage, read> q: array<f32>;
@group(0) @binding(INDEX) var<storage, read> k: array<f32>;
@group(0) @binding(INDEX) var<storage, read> v: array<f32>;
//#endif
//#if VECTOR
@group(0) @binding(INDEX) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(INDEX) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(INDEX) var<storage, read> v: array<vec4<f32>>;
//#endif
@group(0) @binding(INDEX) var<storage, read> mask: array<u32>;
@group(0) @binding(INDEX) var<storage, read_write> context: array<f32>;
//#if LOG_SUM_EXP
@group(0) @binding(INDEX) var<storage, read_write> log_sum_exp: array<f32>;
//#endif
struct Params {
  batches: u32,
  tokens: u32,
  heads: u32,
  group: u32,
  head_size: u32,
  scale: f32,
}
@group(0) @binding(INDEX) var<uniform> params: Params;

override CAUSAL: bool = false;
const LOWEST: f32 = -1e30;

// [32 queries, 32 keys] by four keys.
var<workgroup> weights: array<vec4<f32>, 256>;
// By queries of an invocation, then by invocation of its row: 4 queries each.
var<workgroup> partial: array<vec4<f32>, 64>;

// The mask of four tokens from t on, in the batch entry whose mask begins at `start`; past the end, the last.
fn mask4(start: u32, t: u32) -> vec4<u32> {
  let last = params.tokens - 1u;
  return vec4<u32>(
    mask[start + min(t, last)],
    mask[start + min(t + 1u, last)],
    mask[start + min(t + 2u, last)],
    mask[start + min(t + 3u, last)],
  );
}

// Which of four keys in use, of these documents and at these places, a query of a document sees.
fn seen(in_use: vec4<bool>, documents: vec4<u32>, place: vec4<u32>, query: u32, own: u32) -> vec4<bool> {
  var result: vec4<bool> = in_use & (place <= vec4<u32>(select(params.tokens, query, CAUSAL)));
//#if DOCUMENTS
  result = result & (documents == vec4<u32>(own));
//#endif
  return result;
}

fn sum4(x: vec4<f32>) -> f32 { return x.x + x.y + x.z + x.w; }
fn max4(x: vec4<f32>) -> f32 { return max(max(x.x, x.y), max(x.z, x.w)); }

// Adds the 32 keys' values at four columns; column i of the matrix is query i. Nothing is read past the last key's row.
fn add_values(sums: mat4x4<f32>, row: u32, value_start: u32, stride: u32, keys: u32, d: u32) -> mat4x4<f32> {
  var result: mat4x4<f32> = sums;
  if (d >= params.head_size) { return result; }
  for (var j: u32 = 0u; j < keys; j = j + 4u) {
    let at = row * 8u + j / 4u;
    let last = keys - 1u;
    let values = mat4x4<f32>(
      v4(value_start + j * stride, d),
      v4(value_start + min(j + 1u, last) * stride, d),
      v4(value_start + min(j + 2u, last) * stride, d),
      v4(value_start + min(j + 3u, last) * stride, d),
    );
    result = result + values * mat4x4<f32>(weights[at], weights[at + 8u], weights[at + 16u], weights[at + 24u]);
  }
  return result;
}

fn scale_rows(x: mat4x4<f32>, factor: vec4<f32>) -> mat4x4<f32> {
  return mat4x4<f32>(x[0] * factor.x, x[1] * factor.y, x[2] * factor.z, x[3] * factor.w);
}

fn store4(start: u32, d: u32, value: vec4<f32>) {
  context[start + d] = value.x;
  if (d + 1u < params.head_size) { context[start + d + 1u] = value.y; }
  if (d + 2u < params.head_size) { context[start + d + 2u] = value.z; }
  if (d + 3u < params.head_size) { context[start + d + 3u] = value.w; }
}

fn store_rows(query: u32, start: u32, d: u32, x: mat4x4<f32>) {
  if (d >= params.head_size || query >= params.tokens) { return; }
  let stride = params.heads * params.head_size;
  store4(start, d, x[0]);
  if (query + 1u < params.tokens) { store4(start + stride, d, x[1]); }
  if (query + 2u < params.tokens) { store4(start + 2u * stride, d, x[2]); }
  if (query + 3u < params.tokens) { store4(start + 3u * stride, d, x[3]); }
}

@compute @workgroup_size(8, 8)
fn main(
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let number = workgroup_number(group, groups);
  let tiles = (params.tokens + 31u) / 32u;
  let matrix = number / tiles;
  let batch = matrix / params.heads;
  if (batch >= params.batches) { return; }
  let head = matrix % params.heads;
  let key_heads = params.heads / params.group;
  let first_query = number % tiles * 32u;
  let row = local.y * 4u;
  let query = first_query + row;
  let last = params.tokens - 1u;
  let q_stride = params.heads * params.head_size;
  let k_stride = key_heads * params.head_size;
  let q_start = batch * params.tokens * q_stride + head * params.head_size;
  let k_start = batch * params.tokens * k_stride + head / params.group * params.head_size;
  let q0 = q_start + min(query, last) * q_stride;
  let q1 = q_start + min(query + 1u, last) * q_stride;
  let q2 = q_start + min(query + 2u, last) * q_stride;
  let q3 = q_start + min(query + 3u, last) * q_stride;

  // Keys in use: up to the last one that the mask shows, or to the last query's own.
  let mask_start = batch * params.tokens;
  var keys: u32 = select(params.tokens, min(params.tokens, first_query + 32u), CAUSAL);
  while (keys > 0u && mask[mask_start + keys - 1u] == 0u) { keys = keys - 1u; }
  let own_documents = mask4(mask_start, query);

  var highest: vec4<f32> = vec4<f32>(LOWEST);
  var sum: vec4<f32> = vec4<f32>();
  let d = local.x * 4u;
  var c0: mat4x4<f32> = mat4x4<f32>();
//#if COLUMNS_64
  var c1: mat4x4<f32> = mat4x4<f32>();
//#endif
//#if COLUMNS_96
  var c2: mat4x4<f32> = mat4x4<f32>();
//#endif
//#if COLUMNS_128
  var c3: mat4x4<f32> = mat4x4<f32>();
//#endif
  for (var first: u32 = 0u; first < keys; first = first + 32u) {
    let key = first + local.x * 4u;
    let k0 = k_start + min(key, last) * k_stride;
    let k1 = k_start + min(key + 1u, last) * k_stride;
    let k2 = k_start + min(key + 2u, last) * k_stride;
    let k3 = k_start + min(key + 3u, last) * k_stride;
    // Column i is query i, its lanes are keys.
    var s: mat4x4<f32> = mat4x4<f32>();
    for (var e: u32 = 0u; e < params.head_size; e = e + 4u) {
      let columns = transpose(mat4x4<f32>(k4(k0, e), k4(k1, e), k4(k2, e), k4(k3, e)));
      s = s + columns * mat4x4<f32>(q4(q0, e), q4(q1, e), q4(q2, e), q4(q3, e));
    }
    let place = vec4<u32>(key, key + 1u, key + 2u, key + 3u);
    let documents = mask4(mask_start, key);
    let in_use = (documents != vec4<u32>()) & (place < vec4<u32>(keys));
    let seen0 = seen(in_use, documents, place, query, own_documents.x);
    let seen1 = seen(in_use, documents, place, query + 1u, own_documents.y);
    let seen2 = seen(in_use, documents, place, query + 2u, own_documents.z);
    let seen3 = seen(in_use, documents, place, query + 3u, own_documents.w);
    let lowest = vec4<f32>(LOWEST);
    s = mat4x4<f32>(
      select(lowest, params.scale * s[0], seen0),
      select(lowest, params.scale * s[1], seen1),
      select(lowest, params.scale * s[2], seen2),
      select(lowest, params.scale * s[3], seen3),
    );
    partial[local.y * 8u + local.x] = vec4<f32>(max4(s[0]), max4(s[1]), max4(s[2]), max4(s[3]));
    workgroupBarrier();
    var top: vec4<f32> = highest;
    for (var x: u32 = 0u; x < 8u; x = x + 1u) { top = max(top, partial[local.y * 8u + x]); }
    let factor = exp(highest - top);
    highest = top;
    let zero = vec4<f32>();
    let p0 = select(zero, exp(s[0] - top.x), seen0);
    let p1 = select(zero, exp(s[1] - top.y), seen1);
    let p2 = select(zero, exp(s[2] - top.z), seen2);
    let p3 = select(zero, exp(s[3] - top.w), seen3);
    sum = sum * factor + vec4<f32>(sum4(p0), sum4(p1), sum4(p2), sum4(p3));
    weights[row * 8u + local.x] = p0;
    weights[row * 8u + 8u + local.x] = p1;
    weights[row * 8u + 16u + local.x] = p2;
    weights[row * 8u + 24u + local.x] = p3;
    workgroupBarrier();
    let value_start = k_start + first * k_stride;
    let count = min(32u, keys - first);
    c0 = add_values(scale_rows(c0, factor), row, value_start, k_stride, count, d);
//#if COLUMNS_64
    c1 = add_values(scale_rows(c1, factor), row, value_start, k_stride, count, d + 32u);
//#endif
//#if COLUMNS_96
    c2 = add_values(scale_rows(c2, factor), row, value_start, k_stride, count, d + 64u);
//#endif
//#if COLUMNS_128
    c3 = add_values(scale_rows(c3, factor), row, value_start, k_stride, count, d + 96u);
//#endif
  }

  workgroupBarrier();
  partial[local.y * 8u + local.x] = sum;
  workgroupBarrier();
  var total: vec4<f32> = vec4<f32>();
  for (var x: u32 = 0u; x < 8u; x = x + 1u) { total = total + partial[local.y * 8u + x]; }
  let empty = total == vec4<f32>();
  let inverse = select(1.0 / total, vec4<f32>(), empty);
  store_rows(query, q0, d, scale_rows(c0, inverse));
//#if COLUMNS_64
  store_rows(query, q0, d + 32u, scale_rows(c1, inverse));
//#endif
//#if COLUMNS_96
  store_rows(query, q0, d + 64u, scale_rows(c2, inverse));
//#endif
//#if COLUMNS_128
  store_rows(query, q0, d + 96u, scale_rows(c3, inverse));
//#endif
//#if LOG_SUM_EXP
  if (local.x == 0u) {
    let logarithm = select(highest + log(total), vec4<f32>(), empty);
    let start = matrix * params.tokens + query;
    if (query < params.tokens) { log_sum_exp[start] = logarithm.x; }
    if (query + 1u < params.tokens) { log_sum_exp[start + 1u] = logarithm.y; }
    if (query + 2u < params.tokens) { log_sum_exp[start + 2u] = logarithm.z; }
    if (query + 3u < params.tokens) { log_sum_exp[start + 3u] = logarithm.w; }
  }
//#endif
}
