// context[t,h,:] = softmax over the keys j <= cursor[0] T + t of scale q[t,h,:] . keys[j,g,:], times values[j,g,:], with g = h / group; overwritten.
// q, context [T,H,D], keys, values [capacity,Hkv,D], cursor[1]: how many blocks of T tokens lie before these. D is at most 4 LANES.
// A workgroup covers one head of one query: LANES keys at a time, under a running maximum and sum (Milakov and Gimelshein 2018).
@group(0) @binding(INDEX) var<storage, read> q: array<f32>;
@group(0) @binding(INDEX) var<storage, read> keys: array<f32>;
@group(0) @binding(INDEX) var<storage, read> values: array<f32>;
@group(0) @binding(INDEX) var<storage, read> cursor: array<u32>;
@group(0) @binding(INDEX) var<storage, read_write> context: array<f32>;
struct Params {
  rows: u32,
  tokens: u32,
  capacity: u32,
  heads: u32,
  group: u32,
  head_size: u32,
  scale: f32,
}
@group(0) @binding(INDEX) var<uniform> params: Params;

const LOWEST: f32 = -3.4e38;
var<workgroup> query: array<f32, 4u * LANES>;
var<workgroup> weights: array<f32, LANES>;

// Sum over `count` keys of weight times the value at `start`, with `stride` from one key to the next.
fn mixed(start: u32, stride: u32, count: u32) -> f32 {
  var sum: f32 = 0.0;
  for (var i: u32 = 0u; i < count; i = i + 1u) { sum = sum + weights[i] * values[start + i * stride]; }
  return sum;
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
  let size = params.head_size;
  let token = row / params.heads;
  let head = row % params.heads / params.group;
  let stride = params.heads / params.group * size;
  let visible = min(cursor[0] * params.tokens + token + 1u, params.capacity);
  for (var d: u32 = lane; d < size; d = d + LANES) { query[d] = q[row * size + d]; }
  workgroupBarrier();

  var highest: f32 = LOWEST;
  var sum: f32 = 0.0;
  // Columns lane, lane + LANES and so on of the result.
  var first: f32 = 0.0;
  var second: f32 = 0.0;
  var third: f32 = 0.0;
  var fourth: f32 = 0.0;
  for (var start: u32 = 0u; start < visible; start = start + LANES) {
    let j = start + lane;
    var score: f32 = LOWEST;
    if (j < visible) {
      let key = j * stride + head * size;
      var product: f32 = 0.0;
      for (var d: u32 = 0u; d < size; d = d + 1u) { product = product + query[d] * keys[key + d]; }
      score = params.scale * product;
    }
    let top = max(highest, workgroup_max(score, lane));
    let weight = select(0.0, exp(score - top), j < visible);
    weights[lane] = weight;
    let kept = exp(highest - top);
    sum = sum * kept + workgroup_sum(weight, lane);
    highest = top;
    let count = min(LANES, visible - start);
    let column = start * stride + head * size + lane;
    if (lane < size) { first = first * kept + mixed(column, stride, count); }
    if (lane + LANES < size) { second = second * kept + mixed(column + LANES, stride, count); }
    if (lane + 2u * LANES < size) { third = third * kept + mixed(column + 2u * LANES, stride, count); }
    if (lane + 3u * LANES < size) { fourth = fourth * kept + mixed(column + 3u * LANES, stride, count); }
  }
  let place = row * size + lane;
  if (lane < size) { context[place] = first / sum; }
  if (lane + LANES < size) { context[place + LANES] = second / sum; }
  if (lane + 2u * LANES < size) { context[place + 2u * LANES] = third / sum; }
  if (lane + 3u * LANES < size) { context[place + 3u * LANES] = fourth / sum; }
}
