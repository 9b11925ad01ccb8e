// Bindings of the matrix product beside lib/blocks.wgsl, and how its kernels finish and store blocks of 4x4. What an op leaves out is cut.
// WHOLE needs N to be a multiple of 4, CUT does not. Rows of y and of the residual are `stride` numbers apart. ACCUMULATE adds to y instead of overwriting it.
//#if BIAS
@group(0) @binding(INDEX) var<storage, read> bias: array<f32>;
//#endif
//#if COLUMN_MASK
@group(0) @binding(INDEX) var<storage, read> column_mask: array<u32>;
//#endif
//#if LOW_RANK
@group(0) @binding(INDEX) var<storage, read> u: array<f32>;
@group(0) @binding(INDEX) var<storage, read> v: array<f32>;
//#endif
//#if RESIDUAL CUT
@group(0) @binding(INDEX) var<storage, read> residual: array<f32>;
//#endif
//#if RESIDUAL WHOLE
@group(0) @binding(INDEX) var<storage, read> residual: array<vec4<f32>>;
//#endif
//#if CUT
@group(0) @binding(INDEX) var<storage, read_write> y: array<f32>;
//#endif
//#if WHOLE
@group(0) @binding(INDEX) var<storage, read_write> y: array<vec4<f32>>;
//#endif
struct Params {
  rows: u32,
  columns: u32,
  stride: u32,
  depth: u32,
  a_row: u32,
  a_depth: u32,
  b_depth: u32,
  b_column: u32,
  rank: u32,
  part_blocks: u32,
  alpha: f32,
  scale: f32,
//#if INT8_B
  b_scales: u32,
//#endif
}
@group(0) @binding(INDEX) var<uniform> params: Params;

//#if LOW_RANK
// u v^T of a block; ranks past the end are 0.
fn low_rank(row: u32, column: u32) -> mat4x4<f32> {
  let rows = four(row, params.rows) * params.rank;
  let columns = four(column, params.columns) * params.rank;
  var sum: mat4x4<f32> = mat4x4<f32>();
  for (var i: u32 = 0u; i < params.rank; i = i + 1u) {
    let down = vec4<f32>(u[rows.x + i], u[rows.y + i], u[rows.z + i], u[rows.w + i]);
    let up = vec4<f32>(v[columns.x + i], v[columns.y + i], v[columns.z + i], v[columns.w + i]);
    sum = sum + mat4x4<f32>(up * down.x, up * down.y, up * down.z, up * down.w);
  }
  return sum;
}
//#endif

fn store_block(part: u32, row: u32, column: u32, product: mat4x4<f32>) {
  var value: mat4x4<f32> = params.alpha * product;
//#if COLUMN_SCALES
  let scales = b_scales(four(column, params.columns));
  value = mat4x4<f32>(value[0] * scales, value[1] * scales, value[2] * scales, value[3] * scales);
//#endif
//#if COLUMN_MASK
  let at = four(column, params.columns);
  let kept = vec4<u32>(column_mask[at.x], column_mask[at.y], column_mask[at.z], column_mask[at.w]) != vec4<u32>();
  let none = vec4<f32>();
  value = mat4x4<f32>(
    select(none, value[0], kept),
    select(none, value[1], kept),
    select(none, value[2], kept),
    select(none, value[3], kept),
  );
//#endif
//#if BIAS
  let bias_at = four(column, params.columns);
  let offsets = vec4<f32>(bias[bias_at.x], bias[bias_at.y], bias[bias_at.z], bias[bias_at.w]);
  value = value + mat4x4<f32>(offsets, offsets, offsets, offsets);
//#endif
//#if LOW_RANK
  value = value + params.scale * low_rank(row, column);
//#endif
  store_row(part, row, column, value[0]);
  store_row(part, row + 1u, column, value[1]);
  store_row(part, row + 2u, column, value[2]);
  store_row(part, row + 3u, column, value[3]);
}

fn store_row(part: u32, row: u32, column: u32, value: vec4<f32>) {
  if (row >= params.rows || column >= params.columns) { return; }
  let at = (part * params.rows + row) * params.stride + column;
//#if CUT
  store(at, column, value.x);
  store(at + 1u, column + 1u, value.y);
  store(at + 2u, column + 2u, value.z);
  store(at + 3u, column + 3u, value.w);
//#endif
//#if WHOLE
  var result: vec4<f32> = value;
//#endif
//#if WHOLE RESIDUAL
  result = result + residual[at / 4u];
//#endif
//#if WHOLE ACCUMULATE
  result = result + y[at / 4u];
//#endif
//#if WHOLE
  y[at / 4u] = result;
//#endif
}

//#if CUT
fn store(at: u32, column: u32, value: f32) {
  if (column >= params.columns) { return; }
  var result: f32 = value;
//#endif
//#if CUT RESIDUAL
  result = result + residual[at];
//#endif
//#if CUT ACCUMULATE
  result = result + y[at];
//#endif
//#if CUT
  y[at] = result;
}
//#endif
