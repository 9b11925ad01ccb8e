// dtable[v,c] = sum of dy[n,c] over the n with ids[n] = v, overwritten (0 where v does not occur): in order of n, as the CPU adds them.
// ids[N], dy[N,C], dtable[V,C]; rows = V, tokens = N, width = C. A workgroup covers 4 LANES columns of one row of the table.
// It compares 1024 ids at a time with its row, marks those that are equal, a bit each, and visits no others: a table may have as many rows as there are
// tokens, so that comparing once more for each column would take by far the most time.
@group(0) @binding(INDEX) var<storage, read> ids: array<u32>;
@group(0) @binding(INDEX) var<storage, read> dy: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> dtable: array<f32>;
struct Params {
  rows: u32,
  tokens: u32,
  width: u32,
}
@group(0) @binding(INDEX) var<uniform> params: Params;

override LANES: u32 = 128u;
// Bit n of word w: id 32 w + n of the 1024 names the row. Bit w of `filled`: word w has one.
var<workgroup> found: array<atomic<u32>, 32>;
var<workgroup> filled: atomic<u32>;

@compute @workgroup_size(LANES)
fn main(
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let blocks = (params.width + 4u * LANES - 1u) / (4u * LANES);
  let number = workgroup_number(group, groups);
  let row = number / blocks;
  let lane = local.x;
  if (row >= params.rows) { return; }
  let column = vec4<u32>(number % blocks * 4u * LANES + lane) + vec4<u32>(0u, 1u, 2u, 3u) * LANES;
  let inside = min(column, vec4<u32>(params.width - 1u));
  var sum: vec4<f32> = vec4<f32>();
  for (var first: u32 = 0u; first < params.tokens; first = first + 1024u) {
    for (var w: u32 = lane; w < 32u; w = w + LANES) { atomicStore(&found[w], 0u); }
    if (lane == 0u) { atomicStore(&filled, 0u); }
    workgroupBarrier();
    let count = min(1024u, params.tokens - first);
    for (var n: u32 = lane; n < count; n = n + LANES) {
      if (ids[first + n] == row) {
        atomicOr(&found[n / 32u], 1u << (n % 32u));
        atomicOr(&filled, 1u << (n / 32u));
      }
    }
    workgroupBarrier();
    var words: u32 = atomicLoad(&filled);
    while (words != 0u) {
      let w = firstTrailingBit(words);
      words = words & (words - 1u);
      var bits: u32 = atomicLoad(&found[w]);
      while (bits != 0u) {
        let at = vec4<u32>((first + 32u * w + firstTrailingBit(bits)) * params.width) + inside;
        bits = bits & (bits - 1u);
        sum = sum + vec4<f32>(dy[at.x], dy[at.y], dy[at.z], dy[at.w]);
      }
    }
    workgroupBarrier();
  }
  let start = row * params.width;
  for (var i: u32 = 0u; i < 4u; i = i + 1u) {
    if (column[i] < params.width) { dtable[start + column[i]] = sum[i]; }
  }
}
