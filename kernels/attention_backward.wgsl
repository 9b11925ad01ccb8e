// dq, dk, dv of attention from dcontext, overwritten. With p_ij = exp(scale q_i k_j - log_sum_exp_i) for allowed keys j of query i, else 0, and
// ds_ij = p_ij (dcontext_i v_j - dot_i): dq_i = scale sum over j of ds_ij k_j, dk_j = scale sum over i of ds_ij q_i, dv_j = sum of p_ij dcontext_i.
// q, dcontext, dq [B,T,H,D], k, v, dk, dv [B,T,H/group,D]; statistics [B,2H+1,T]: log_sum_exp, dot, then the mask, which
// allows keys as attention.wgsl has it.
// VECTOR needs D to be a multiple of 4; COLUMNS_64 and so on are kept where D is above 32 and so on, up to 128.
// The first B H T/32 workgroups cover 32 queries of a head each and go through its keys, the others 32 keys and go through the queries of
// all heads that share them; an invocation computes 4 x 4 of p and ds, then 4 rows x 4 columns of each 32 of the gradients.
//#if SCALAR
@group(0) @binding(INDEX) var<storage, read> q: array<f32>;
@group(0) @binding(INDEX) var<storage, read> k: array<f32>;
@group(0) @binding(INDEX) var<storage, read> v: array<f32>;
@group(0) @binding(INDEX) var<storage, read> dcontext: array<f32>;
//#endif
//#if VECTOR
@group(0) @binding(INDEX) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(INDEX) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(INDEX) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(INDEX) var<storage, read> dcontext: array<vec4<f32>>;
//#endif
@group(0) @binding(INDEX) var<storage, read> statistics: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> dq: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> dk: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> dv: array<f32>;
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

// p and ds [32 rows of the workgroup, 32 others] by four others.
var<workgroup> weights: array<vec4<f32>, 256>;
var<workgroup> gradients: array<vec4<f32>, 256>;

//#if VECTOR
fn g4(start: u32, d: u32) -> vec4<f32> { return dcontext[(start + d) / 4u]; }
//#endif
//#if SCALAR
fn g4(start: u32, d: u32) -> vec4<f32> {
  let i = start + d;
  return inside(d, vec4<f32>(dcontext[i], dcontext[i + 1u], dcontext[i + 2u], dcontext[i + 3u]));
}
//#endif

// Each adds 32 rows of the right side at four columns, weighted; column i of the matrix is row i of the invocation.
fn add_keys(sums: mat4x4<f32>, row: u32, start: u32, stride: u32, count: u32, d: u32) -> mat4x4<f32> {
  var result: mat4x4<f32> = sums;
  if (d >= params.head_size) { return result; }
  let last = count - 1u;
  for (var j: u32 = 0u; j < count; j = j + 4u) {
    let at = row * 8u + j / 4u;
    let right = mat4x4<f32>(
      k4(start + j * stride, d),
      k4(start + min(j + 1u, last) * stride, d),
      k4(start + min(j + 2u, last) * stride, d),
      k4(start + min(j + 3u, last) * stride, d),
    );
    result = result + right * mat4x4<f32>(gradients[at], gradients[at + 8u], gradients[at + 16u], gradients[at + 24u]);
  }
  return result;
}
fn add_queries(sums: mat4x4<f32>, row: u32, start: u32, stride: u32, count: u32, d: u32) -> mat4x4<f32> {
  var result: mat4x4<f32> = sums;
  if (d >= params.head_size) { return result; }
  let last = count - 1u;
  for (var j: u32 = 0u; j < count; j = j + 4u) {
    let at = row * 8u + j / 4u;
    let right = mat4x4<f32>(
      q4(start + j * stride, d),
      q4(start + min(j + 1u, last) * stride, d),
      q4(start + min(j + 2u, last) * stride, d),
      q4(start + min(j + 3u, last) * stride, d),
    );
    result = result + right * mat4x4<f32>(gradients[at], gradients[at + 8u], gradients[at + 16u], gradients[at + 24u]);
  }
  return result;
}
fn add_dcontext(sums: mat4x4<f32>, row: u32, start: u32, stride: u32, count: u32, d: u32) -> mat4x4<f32> {
  var result: mat4x4<f32> = sums;
  if (d >= params.head_size) { return result; }
  let last = count - 1u;
  for (var j: u32 = 0u; j < count; j = j + 4u) {
    let at = row * 8u + j / 4u;
    let right = mat4x4<f32>(
      g4(start + j * stride, d),
      g4(start + min(j + 1u, last) * stride, d),
      g4(start + min(j + 2u, last) * stride, d),
      g4(start + min(j + 3u, last) * stride, d),
    );
    result = result + right * mat4x4<f32>(weights[at], weights[at + 8u], weights[at + 16u], weights[at + 24u]);
  }
  return result;
}

fn store4_dq(start: u32, d: u32, value: vec4<f32>) {
  dq[start + d] = value.x;
  if (d + 1u < params.head_size) { dq[start + d + 1u] = value.y; }
  if (d + 2u < params.head_size) { dq[start + d + 2u] = value.z; }
  if (d + 3u < params.head_size) { dq[start + d + 3u] = value.w; }
}
fn store_dq(token: u32, start: u32, stride: u32, d: u32, factor: f32, x: mat4x4<f32>) {
  if (d >= params.head_size || token >= params.tokens) { return; }
  store4_dq(start, d, factor * x[0]);
  if (token + 1u < params.tokens) { store4_dq(start + stride, d, factor * x[1]); }
  if (token + 2u < params.tokens) { store4_dq(start + 2u * stride, d, factor * x[2]); }
  if (token + 3u < params.tokens) { store4_dq(start + 3u * stride, d, factor * x[3]); }
}
fn store4_dk(start: u32, d: u32, value: vec4<f32>) {
  dk[start + d] = value.x;
  if (d + 1u < params.head_size) { dk[start + d + 1u] = value.y; }
  if (d + 2u < params.head_size) { dk[start + d + 2u] = value.z; }
  if (d + 3u < params.head_size) { dk[start + d + 3u] = value.w; }
}
fn store_dk(token: u32, start: u32, stride: u32, d: u32, factor: f32, x: mat4x4<f32>) {
  if (d >= params.head_size || token >= params.tokens) { return; }
  store4_dk(start, d, factor * x[0]);
  if (token + 1u < params.tokens) { store4_dk(start + stride, d, factor * x[1]); }
  if (token + 2u < params.tokens) { store4_dk(start + 2u * stride, d, factor * x[2]); }
  if (token + 3u < params.tokens) { store4_dk(start + 3u * stride, d, factor * x[3]); }
}
fn store4_dv(start: u32, d: u32, value: vec4<f32>) {
  dv[start + d] = value.x;
  if (d + 1u < params.head_size) { dv[start + d + 1u] = value.y; }
  if (d + 2u < params.head_size) { dv[start + d + 2u] = value.z; }
  if (d + 3u < params.head_size) { dv[start + d + 3u] = value.w; }
}
fn store_dv(token: u32, start: u32, stride: u32, d: u32, factor: f32, x: mat4x4<f32>) {
  if (d >= params.head_size || token >= params.tokens) { return; }
  store4_dv(start, d, factor * x[0]);
  if (token + 1u < params.tokens) { store4_dv(start + stride, d, factor * x[1]); }
  if (token + 2u < params.tokens) { store4_dv(start + 2u * stride, d, factor * x[2]); }
  if (token + 3u < params.tokens) { store4_dv(start + 3u * stride, d, factor * x[3]); }
}

// Four values of a row of the statistics, from token t on; past the end, the last.
fn statistics4(row: u32, t: u32) -> vec4<f32> {
  let start = row * params.tokens;
  let last = params.tokens - 1u;
  return vec4<f32>(
    statistics[start + min(t, last)],
    statistics[start + min(t + 1u, last)],
    statistics[start + min(t + 2u, last)],
    statistics[start + min(t + 3u, last)],
  );
}

// Four rows of a tensor [B,T,heads,D] that start at token t, by their first elements; past the end, the last.
fn rows4(start: u32, stride: u32, t: u32) -> vec4<u32> {
  return start + min(vec4<u32>(t, t + 1u, t + 2u, t + 3u), vec4<u32>(params.tokens - 1u)) * stride;
}

// Which of four tokens are of one token's document.
fn same_document(documents: vec4<f32>, own: f32) -> vec4<bool> {
  var result: vec4<bool> = vec4<bool>(true);
//#if DOCUMENTS
  result = documents == vec4<f32>(own);
//#endif
  return result;
}

fn exponential(x: vec4<f32>, seen: vec4<bool>) -> vec4<f32> {
  return select(vec4<f32>(), exp(x), seen);
}

@compute @workgroup_size(8, 8)
fn main(
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let number = workgroup_number(group, groups);
  let tiles = (params.tokens + 31u) / 32u;
  let query_tiles = params.batches * params.heads * tiles;
  if (number < query_tiles) {
    query_tile(number / tiles, number % tiles * 32u, local.x, local.y * 4u);
  } else {
    key_tile((number - query_tiles) / tiles, (number - query_tiles) % tiles * 32u, local.x, local.y * 4u);
  }
}

fn query_tile(matrix: u32, first_query: u32, lane: u32, row: u32) {
  let batch = matrix / params.heads;
  let head = matrix % params.heads;
  let q_stride = params.heads * params.head_size;
  let k_stride = q_stride / params.group;
  let k_start = batch * params.tokens * k_stride + head / params.group * params.head_size;
  let query = first_query + row;
  let own = rows4(batch * params.tokens * q_stride + head * params.head_size, q_stride, query);
  let statistics_row = batch * (2u * params.heads + 1u);
  let total = statistics4(statistics_row + head, query);
  let dot = statistics4(statistics_row + params.heads + head, query);
  let mask_row = statistics_row + 2u * params.heads;
  let own_documents = statistics4(mask_row, query);
  let last_seen = select(
    vec4<u32>(params.tokens),
    vec4<u32>(query, query + 1u, query + 2u, query + 3u),
    CAUSAL,
  );

  // Keys in use: up to the last one that the mask shows, or to the last query's own.
  var keys: u32 = select(params.tokens, min(params.tokens, first_query + 32u), CAUSAL);
  while (keys > 0u && statistics[mask_row * params.tokens + keys - 1u] == 0.0) { keys = keys - 1u; }

  let d = lane * 4u;
  var x0: mat4x4<f32> = mat4x4<f32>();
//#if COLUMNS_64
  var x1: mat4x4<f32> = mat4x4<f32>();
//#endif
//#if COLUMNS_96
  var x2: mat4x4<f32> = mat4x4<f32>();
//#endif
//#if COLUMNS_128
  var x3: mat4x4<f32> = mat4x4<f32>();
//#endif
  for (var first: u32 = 0u; first < keys; first = first + 32u) {
    let key = first + lane * 4u;
    let other = rows4(k_start, k_stride, key);
    // Column i is query i, its lanes are keys.
    var s: mat4x4<f32> = mat4x4<f32>();
    var dp: mat4x4<f32> = mat4x4<f32>();
    for (var e: u32 = 0u; e < params.head_size; e = e + 4u) {
      let columns = transpose(mat4x4<f32>(k4(other.x, e), k4(other.y, e), k4(other.z, e), k4(other.w, e)));
      s = s + columns * mat4x4<f32>(q4(own.x, e), q4(own.y, e), q4(own.z, e), q4(own.w, e));
      let values = transpose(mat4x4<f32>(v4(other.x, e), v4(other.y, e), v4(other.z, e), v4(other.w, e)));
      dp = dp + values * mat4x4<f32>(g4(own.x, e), g4(own.y, e), g4(own.z, e), g4(own.w, e));
    }
    let place = vec4<u32>(key, key + 1u, key + 2u, key + 3u);
    let documents = statistics4(mask_row, key);
    let in_use = (documents != vec4<f32>()) & (place < vec4<u32>(keys));
    let p0 = exponential(params.scale * s[0] - total.x, in_use & (place <= last_seen.xxxx) & same_document(documents, own_documents.x));
    let p1 = exponential(params.scale * s[1] - total.y, in_use & (place <= last_seen.yyyy) & same_document(documents, own_documents.y));
    let p2 = exponential(params.scale * s[2] - total.z, in_use & (place <= last_seen.zzzz) & same_document(documents, own_documents.z));
    let p3 = exponential(params.scale * s[3] - total.w, in_use & (place <= last_seen.wwww) & same_document(documents, own_documents.w));
    workgroupBarrier();
    gradients[row * 8u + lane] = p0 * (dp[0] - dot.x);
    gradients[row * 8u + 8u + lane] = p1 * (dp[1] - dot.y);
    gradients[row * 8u + 16u + lane] = p2 * (dp[2] - dot.z);
    gradients[row * 8u + 24u + lane] = p3 * (dp[3] - dot.w);
    workgroupBarrier();
    let start = k_start + first * k_stride;
    let count = min(32u, keys - first);
    x0 = add_keys(x0, row, start, k_stride, count, d);
//#if COLUMNS_64
    x1 = add_keys(x1, row, start, k_stride, count, d + 32u);
//#endif
//#if COLUMNS_96
    x2 = add_keys(x2, row, start, k_stride, count, d + 64u);
//#endif
//#if COLUMNS_128
    x3 = add_keys(x3, row, start, k_stride, count, d + 96u);
//#endif
  }
  store_dq(query, own.x, q_stride, d, params.scale, x0);
//#if COLUMNS_64
  store_dq(query, own.x, q_stride, d + 32u, params.scale, x1);
//#endif
//#if COLUMNS_96
  store_dq(query, own.x, q_stride, d + 64u, params.scale, x2);
//#endif
//#if COLUMNS_128
  store_dq(query, own.x, q_stride, d + 96u, params.scale, x3);
//#endif
}

fn key_tile(matrix: u32, first_key: u32, lane: u32, row: u32) {
  let key_heads = params.heads / params.group;
  let batch = matrix / key_heads;
  if (batch >= params.batches) { return; }
  let key_head = matrix % key_heads;
  let q_stride = params.heads * params.head_size;
  let k_stride = key_heads * params.head_size;
  let key = first_key + row;
  let own = rows4(batch * params.tokens * k_stride + key_head * params.head_size, k_stride, key);
  let statistics_row = batch * (2u * params.heads + 1u);
  let mask_row = statistics_row + 2u * params.heads;
  let own_documents = statistics4(mask_row, key);
  let in_use = own_documents != vec4<f32>();
  // Queries before the first key see none of these, and no query sees keys that the mask hides.
  var hidden: bool = true;
  for (var j: u32 = first_key; j < min(params.tokens, first_key + 32u); j = j + 1u) {
    hidden = hidden && statistics[mask_row * params.tokens + j] == 0.0;
  }
  let begin = select(0u, first_key, CAUSAL);
  let end = select(params.tokens, 0u, hidden);

  let d = lane * 4u;
  var x0: mat4x4<f32> = mat4x4<f32>();
//#if COLUMNS_64
  var x1: mat4x4<f32> = mat4x4<f32>();
//#endif
//#if COLUMNS_96
  var x2: mat4x4<f32> = mat4x4<f32>();
//#endif
//#if COLUMNS_128
  var x3: mat4x4<f32> = mat4x4<f32>();
//#endif
  var y0: mat4x4<f32> = mat4x4<f32>();
//#if COLUMNS_64
  var y1: mat4x4<f32> = mat4x4<f32>();
//#endif
//#if COLUMNS_96
  var y2: mat4x4<f32> = mat4x4<f32>();
//#endif
//#if COLUMNS_128
  var y3: mat4x4<f32> = mat4x4<f32>();
//#endif
  for (var head: u32 = key_head * params.group; head < (key_head + 1u) * params.group; head = head + 1u) {
    let q_start = batch * params.tokens * q_stride + head * params.head_size;
    for (var first: u32 = begin; first < end; first = first + 32u) {
      let query = first + lane * 4u;
      let other = rows4(q_start, q_stride, query);
      // Column i is key i, its lanes are queries.
      var s: mat4x4<f32> = mat4x4<f32>();
      var dp: mat4x4<f32> = mat4x4<f32>();
      for (var e: u32 = 0u; e < params.head_size; e = e + 4u) {
        let columns = transpose(mat4x4<f32>(q4(other.x, e), q4(other.y, e), q4(other.z, e), q4(other.w, e)));
        s = s + columns * mat4x4<f32>(k4(own.x, e), k4(own.y, e), k4(own.z, e), k4(own.w, e));
        let changes = transpose(mat4x4<f32>(g4(other.x, e), g4(other.y, e), g4(other.z, e), g4(other.w, e)));
        dp = dp + changes * mat4x4<f32>(v4(own.x, e), v4(own.y, e), v4(own.z, e), v4(own.w, e));
      }
      let total = statistics4(statistics_row + head, query);
      let dot = statistics4(statistics_row + params.heads + head, query);
      let place = vec4<u32>(query, query + 1u, query + 2u, query + 3u);
      let exists = place < vec4<u32>(params.tokens);
      let documents = statistics4(mask_row, query);
      // The first query that sees each key.
      let see = select(vec4<u32>(), vec4<u32>(key, key + 1u, key + 2u, key + 3u), CAUSAL);
      let p0 = exponential(params.scale * s[0] - total, exists & (place >= see.xxxx) & in_use.xxxx & same_document(documents, own_documents.x));
      let p1 = exponential(params.scale * s[1] - total, exists & (place >= see.yyyy) & in_use.yyyy & same_document(documents, own_documents.y));
      let p2 = exponential(params.scale * s[2] - total, exists & (place >= see.zzzz) & in_use.zzzz & same_document(documents, own_documents.z));
      let p3 = exponential(params.scale * s[3] - total, exists & (place >= see.wwww) & in_use.wwww & same_document(documents, own_documents.w));
      workgroupBarrier();
      weights[row * 8u + lane] = p0;
      weights[row * 8u + 8u + lane] = p1;
      weights[row * 8u + 16u + lane] = p2;
      weights[row * 8u + 24u + lane] = p3;
      gradients[row * 8u + lane] = p0 * (dp[0] - dot);
      gradients[row * 8u + 8u + lane] = p1 * (dp[1] - dot);
      gradients[row * 8u + 16u + lane] = p2 * (dp[2] - dot);
      gradients[row * 8u + 24u + lane] = p3 * (dp[3] - dot);
      workgroupBarrier();
      let start = q_start + first * q_stride;
      let count = min(32u, params.tokens - first);
      x0 = add_queries(x0, row, start, q_stride, count, d);
//#if COLUMNS_64
      x1 = add_queries(x1, row, start, q_stride, count, d + 32u);
//#endif
//#if COLUMNS_96
      x2 = add_queries(x2, row, start, q_stride, count, d + 64u);
//#endif
//#if COLUMNS_128
      x3 = add_queries(x3, row, start, q_stride, count, d + 96u);
//#endif
      y0 = add_dcontext(y0, row, start, q_stride, count, d);
//#if COLUMNS_64
      y1 = add_dcontext(y1, row, start, q_stride, count, d + 32u);
//#endif
//#if COLUMNS_96
      y2 = add_dcontext(y2, row, start, q_stride, count, d + 64u);
//#endif
//#if COLUMNS_128
      y3 = add_dcontext(y3, row, start, q_stride, count, d + 96u);
//#endif
    }
  }
  store_dk(key, own.x, k_stride, d, params.scale, x0);
//#if COLUMNS_64
  store_dk(key, own.x, k_stride, d + 32u, params.scale, x1);
//#endif
//#if COLUMNS_96
  store_dk(key, own.x, k_stride, d + 64u, params.scale, x2);
//#endif
//#if COLUMNS_128
  store_dk(key, own.x, k_stride, d + 96u, params.scale, x3);
//#endif
  store_dv(key, own.x, k_stride, d, 1.0, y0);
//#if COLUMNS_64
  store_dv(key, own.x, k_stride, d + 32u, 1.0, y1);
//#endif
//#if COLUMNS_96
  store_dv(key, own.x, k_stride, d + 64u, 1.0, y2);
//#endif
//#if COLUMNS_128
  store_dv(key, own.x, k_stride, d + 96u, 1.0, y3);
//#endif
}
