// Products of multi-head attention: y[b,h] = sum over g of op(a)[b,h,g] op(b)[b,h,g], for each batch row b and output head h, overwritten.
// Matrices are given by strides for batch, head, row and depth; heads are divided by *_group where several query heads share one key head,
// and `inner` heads are summed where gradients of a shared key head come together. All f32.
// An invocation computes 4 rows x 4 columns in registers; a workgroup 8 x 8 of those. Edges are clamped on load.
@group(0) @binding(INDEX) var<storage, read> a: array<f32>;
@group(0) @binding(INDEX) var<storage, read> b: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> y: array<f32>;
struct Params {
  rows: u32,
  columns: u32,
  depth: u32,
  batches: u32,
  heads: u32,
  inner: u32,
  a_batch: u32,
  a_head: u32,
  a_row: u32,
  a_depth: u32,
  a_group: u32,
  b_batch: u32,
  b_head: u32,
  b_depth: u32,
  b_column: u32,
  b_group: u32,
  y_batch: u32,
  y_head: u32,
  y_row: u32,
}
@group(0) @binding(INDEX) var<uniform> params: Params;

fn store4(start: u32, column: u32, value: vec4<f32>) {
  y[start + column] = value.x;
  if (column + 1u < params.columns) { y[start + column + 1u] = value.y; }
  if (column + 2u < params.columns) { y[start + column + 2u] = value.z; }
  if (column + 3u < params.columns) { y[start + column + 3u] = value.w; }
}

@compute @workgroup_size(8, 8)
fn main(
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let number = workgroup_number(group, groups);
  let column_tiles = (params.columns + 31u) / 32u;
  let row_tiles = (params.rows + 31u) / 32u;
  let matrix = number / (column_tiles * row_tiles);
  let tile = number % (column_tiles * row_tiles);
  let row = (tile / column_tiles * 8u + local.y) * 4u;
  let column = (tile % column_tiles * 8u + local.x) * 4u;
  let batch = matrix / params.heads;
  if (row >= params.rows || column >= params.columns || batch >= params.batches) { return; }
  let head = matrix % params.heads;

  let last_row = params.rows - 1u;
  let last_column = params.columns - 1u;
  var s0: vec4<f32> = vec4<f32>();
  var s1: vec4<f32> = vec4<f32>();
  var s2: vec4<f32> = vec4<f32>();
  var s3: vec4<f32> = vec4<f32>();
  for (var g: u32 = 0u; g < params.inner; g = g + 1u) {
    let inner_head = head * params.inner + g;
    let a_start = batch * params.a_batch + inner_head / params.a_group * params.a_head;
    let b_start = batch * params.b_batch + inner_head / params.b_group * params.b_head;
    var a0: u32 = a_start + row * params.a_row;
    var a1: u32 = a_start + min(row + 1u, last_row) * params.a_row;
    var a2: u32 = a_start + min(row + 2u, last_row) * params.a_row;
    var a3: u32 = a_start + min(row + 3u, last_row) * params.a_row;
    var b0: u32 = b_start + column * params.b_column;
    var b1: u32 = b_start + min(column + 1u, last_column) * params.b_column;
    var b2: u32 = b_start + min(column + 2u, last_column) * params.b_column;
    var b3: u32 = b_start + min(column + 3u, last_column) * params.b_column;
    for (var k: u32 = 0u; k < params.depth; k = k + 1u) {
      let columns = vec4<f32>(b[b0], b[b1], b[b2], b[b3]);
      s0 = s0 + a[a0] * columns;
      s1 = s1 + a[a1] * columns;
      s2 = s2 + a[a2] * columns;
      s3 = s3 + a[a3] * columns;
      a0 = a0 + params.a_depth;
      a1 = a1 + params.a_depth;
      a2 = a2 + params.a_depth;
      a3 = a3 + params.a_depth;
      b0 = b0 + params.b_depth;
      b1 = b1 + params.b_depth;
      b2 = b2 + params.b_depth;
      b3 = b3 + params.b_depth;
    }
  }
  let start = batch * params.y_batch + head * params.y_head + row * params.y_row;
  store4(start, column, s0);
  if (row + 1u < params.rows) { store4(start + params.y_row, column, s1); }
  if (row + 2u < params.rows) { store4(start + 2u * params.y_row, column, s2); }
  if (row + 3u < params.rows) { store4(start + 3u * params.y_row, column, s3); }
}
