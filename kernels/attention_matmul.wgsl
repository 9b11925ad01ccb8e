// Products of multi-head attention: y[b,h] = sum over g of op(a)[b,h,g] op(b)[b,h,g], for each batch row b and output head h, overwritten.
// Matrices are given by strides for batch, head, row and depth; heads are divided by *_group where several query heads share one key head,
// and `inner` heads are summed where gradients of a shared key head come together. All f32; a, b and SCALAR or VECTOR: lib/blocks.wgsl.
// WHOLE needs the columns and strides of y to be multiples of 4, CUT does not.
// An invocation computes 8 or 16 (ROWS_16) rows x 8 columns in registers; a workgroup ROW_LANES x COLUMN_LANES of those.
//#if CUT
@group(0) @binding(INDEX) var<storage, read_write> y: array<f32>;
//#endif
//#if WHOLE
@group(0) @binding(INDEX) var<storage, read_write> y: array<vec4<f32>>;
//#endif
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

override ROW_LANES: u32 = 8u;
override COLUMN_LANES: u32 = 8u;
override TILE_ROWS: u32 = 8u;
const TILE_COLUMNS: u32 = 8u;

fn store_row(start: u32, row: u32, column: u32, value: vec4<f32>) {
  if (row >= params.rows || column >= params.columns) { return; }
  let at = start + row * params.y_row + column;
//#if WHOLE
  y[at / 4u] = value;
//#endif
//#if CUT
  y[at] = value.x;
  if (column + 1u < params.columns) { y[at + 1u] = value.y; }
  if (column + 2u < params.columns) { y[at + 2u] = value.z; }
  if (column + 3u < params.columns) { y[at + 3u] = value.w; }
//#endif
}

fn store_block(start: u32, row: u32, column: u32, product: mat4x4<f32>) {
  store_row(start, row, column, product[0]);
  store_row(start, row + 1u, column, product[1]);
  store_row(start, row + 2u, column, product[2]);
  store_row(start, row + 3u, column, product[3]);
}

@compute @workgroup_size(COLUMN_LANES, ROW_LANES)
fn main(
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let number = workgroup_number(group, groups);
  let height = ROW_LANES * TILE_ROWS;
  let width = COLUMN_LANES * TILE_COLUMNS;
  let across = (params.columns + width - 1u) / width;
  let tiles = (params.rows + height - 1u) / height * across;
  let matrix = number / tiles;
  let tile = number % tiles;
  let row = tile / across * height + local.y * TILE_ROWS;
  let column = tile % across * width + local.x * TILE_COLUMNS;
  let batch = matrix / params.heads;
  if (row >= params.rows || column >= params.columns || batch >= params.batches) { return; }
  let head = matrix % params.heads;

  let a_start0 = a_start(row);
  let a_start1 = a_start(row + 4u);
  let b_start0 = b_start(column);
  let b_start1 = b_start(column + 4u);
//#if ROWS_16
  let a_start2 = a_start(row + 8u);
  let a_start3 = a_start(row + 12u);
//#endif
  let blocks = (params.depth + 3u) / 4u;
  var s00: mat4x4<f32> = mat4x4<f32>();
  var s01: mat4x4<f32> = mat4x4<f32>();
  var s10: mat4x4<f32> = mat4x4<f32>();
  var s11: mat4x4<f32> = mat4x4<f32>();
//#if ROWS_16
  var s20: mat4x4<f32> = mat4x4<f32>();
  var s21: mat4x4<f32> = mat4x4<f32>();
  var s30: mat4x4<f32> = mat4x4<f32>();
  var s31: mat4x4<f32> = mat4x4<f32>();
//#endif
  for (var g: u32 = 0u; g < params.inner; g = g + 1u) {
    let inner_head = head * params.inner + g;
    var a_matrix: u32 = batch * params.a_batch + inner_head / params.a_group * params.a_head;
    var b_matrix: u32 = batch * params.b_batch + inner_head / params.b_group * params.b_head;
//#if VECTOR
    a_matrix = a_matrix / 4u;
    b_matrix = b_matrix / 4u;
//#endif
    let a0 = a_start0 + vec4<u32>(a_matrix);
    let a1 = a_start1 + vec4<u32>(a_matrix);
    let b0 = b_start0 + vec4<u32>(b_matrix);
    let b1 = b_start1 + vec4<u32>(b_matrix);
//#if ROWS_16
    let a2 = a_start2 + vec4<u32>(a_matrix);
    let a3 = a_start3 + vec4<u32>(a_matrix);
//#endif
    for (var k: u32 = 0u; k < blocks; k = k + 1u) {
      let columns0 = b_block(b0, k);
      let columns1 = b_block(b1, k);
      let rows0 = a_block(a0, k);
      s00 = update(s00, columns0, rows0);
      s01 = update(s01, columns1, rows0);
      let rows1 = a_block(a1, k);
      s10 = update(s10, columns0, rows1);
      s11 = update(s11, columns1, rows1);
//#if ROWS_16
      let rows2 = a_block(a2, k);
      s20 = update(s20, columns0, rows2);
      s21 = update(s21, columns1, rows2);
      let rows3 = a_block(a3, k);
      s30 = update(s30, columns0, rows3);
      s31 = update(s31, columns1, rows3);
//#endif
    }
  }
  let start = batch * params.y_batch + head * params.y_head;
  store_block(start, row, column, s00);
  store_block(start, row, column + 4u, s01);
  store_block(start, row + 4u, column, s10);
  store_block(start, row + 4u, column + 4u, s11);
//#if ROWS_16
  store_block(start, row + 8u, column, s20);
  store_block(start, row + 8u, column + 4u, s21);
  store_block(start, row + 12u, column, s30);
  store_block(start, row + 12u, column + 4u, s31);
//#endif
}
