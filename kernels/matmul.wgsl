// y[M,N] = keep(n) alpha op(a)[M,K] op(b)[K,N] + bias[N] + scale u[M,r] v[N,r]^T + residual[M,N], overwritten; keep is mask[N] != 0.
// op(a), op(b) are given by strides. With params.part_blocks below K / 4, y[parts,M,N] are sums over parts of K, for matmul_sum.
// Bindings: lib/blocks.wgsl, then lib/matmul_result.wgsl.
// An invocation computes a tile in registers: 4, 8 (ROWS_8) or 16 (ROWS_8 and ROWS_16) rows x 4, 8 (COLUMNS_8) or 12 (COLUMNS_8 and
// COLUMNS_12) columns; a workgroup ROW_LANES x COLUMN_LANES of those.
override ROW_LANES: u32 = 8u;
override COLUMN_LANES: u32 = 8u;
override TILE_ROWS: u32 = 4u;
override TILE_COLUMNS: u32 = 4u;

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
  let part = number / tiles;
  let tile = number % tiles;
  let blocks = (params.depth + 3u) / 4u;
  let begin = part * params.part_blocks;
  let end = min(begin + params.part_blocks, blocks);
  if (begin >= end) { return; }
  var s00: mat4x4<f32> = mat4x4<f32>();
//#if COLUMNS_8
  var s01: mat4x4<f32> = mat4x4<f32>();
//#endif
//#if COLUMNS_12
  var s02: mat4x4<f32> = mat4x4<f32>();
//#endif
//#if ROWS_8
  var s10: mat4x4<f32> = mat4x4<f32>();
//#endif
//#if ROWS_8 COLUMNS_8
  var s11: mat4x4<f32> = mat4x4<f32>();
//#endif
//#if ROWS_8 COLUMNS_12
  var s12: mat4x4<f32> = mat4x4<f32>();
//#endif
//#if ROWS_16
  var s20: mat4x4<f32> = mat4x4<f32>();
  var s30: mat4x4<f32> = mat4x4<f32>();
//#endif
//#if ROWS_16 COLUMNS_8
  var s21: mat4x4<f32> = mat4x4<f32>();
  var s31: mat4x4<f32> = mat4x4<f32>();
//#endif
//#if ROWS_16 COLUMNS_12
  var s22: mat4x4<f32> = mat4x4<f32>();
  var s32: mat4x4<f32> = mat4x4<f32>();
//#endif

  let row = tile / across * height + local.y * TILE_ROWS;
  let column = tile % across * width + local.x * TILE_COLUMNS;
  if (row >= params.rows || column >= params.columns) { return; }
  let a0 = a_start(row);
  let b0 = b_start(column);
//#if ROWS_8
  let a1 = a_start(row + 4u);
//#endif
//#if ROWS_16
  let a2 = a_start(row + 8u);
  let a3 = a_start(row + 12u);
//#endif
//#if COLUMNS_8
  let b1 = b_start(column + 4u);
//#endif
//#if COLUMNS_12
  let b2 = b_start(column + 8u);
//#endif
  for (var k: u32 = begin; k < end; k = k + 1u) {
    let columns0 = b_block(b0, k);
//#if COLUMNS_8
    let columns1 = b_block(b1, k);
//#endif
//#if COLUMNS_12
    let columns2 = b_block(b2, k);
//#endif
    let rows0 = a_block(a0, k);
//#if ROWS_8
    let rows1 = a_block(a1, k);
//#endif
    s00 = update(s00, columns0, rows0);
//#if COLUMNS_8
    s01 = update(s01, columns1, rows0);
//#endif
//#if COLUMNS_12
    s02 = update(s02, columns2, rows0);
//#endif
//#if ROWS_8
    s10 = update(s10, columns0, rows1);
//#endif
//#if ROWS_8 COLUMNS_8
    s11 = update(s11, columns1, rows1);
//#endif
//#if ROWS_8 COLUMNS_12
    s12 = update(s12, columns2, rows1);
//#endif
//#if ROWS_16
    let rows2 = a_block(a2, k);
    let rows3 = a_block(a3, k);
    s20 = update(s20, columns0, rows2);
    s30 = update(s30, columns0, rows3);
//#endif
//#if ROWS_16 COLUMNS_8
    s21 = update(s21, columns1, rows2);
    s31 = update(s31, columns1, rows3);
//#endif
//#if ROWS_16 COLUMNS_12
    s22 = update(s22, columns2, rows2);
    s32 = update(s32, columns2, rows3);
//#endif
  }

  store_block(part, row, column, s00);
//#if COLUMNS_8
  store_block(part, row, column + 4u, s01);
//#endif
//#if COLUMNS_12
  store_block(part, row, column + 8u, s02);
//#endif
//#if ROWS_8
  store_block(part, row + 4u, column, s10);
//#endif
//#if ROWS_8 COLUMNS_8
  store_block(part, row + 4u, column + 4u, s11);
//#endif
//#if ROWS_8 COLUMNS_12
  store_block(part, row + 4u, column + 8u, s12);
//#endif
//#if ROWS_16
  store_block(part, row + 8u, column, s20);
  store_block(part, row + 12u, column, s30);
//#endif
//#if ROWS_16 COLUMNS_8
  store_block(part, row + 8u, column + 4u, s21);
  store_block(part, row + 12u, column + 4u, s31);
//#endif
//#if ROWS_16 COLUMNS_12
  store_block(part, row + 8u, column + 8u, s22);
  store_block(part, row + 12u, column + 8u, s32);
//#endif
}
