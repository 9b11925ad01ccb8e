// y[M,N] = keep(n) alpha op(a)[M,K] op(b)[K,N] + bias[N] + scale u[M,r] v[N,r]^T + residual[M,N], overwritten.
// op(a), op(b) are given by strides; keep selects columns by mask[N]. What an op leaves out is cut from the text.
// An invocation computes 8 rows x 4 columns in registers; a workgroup ROW_LANES x COLUMN_LANES of those. Edges are clamped on load.
@group(0) @binding(INDEX) var<storage, read> a: array<f32>;
@group(0) @binding(INDEX) var<storage, read> b: array<f32>;
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
//#if RESIDUAL
@group(0) @binding(INDEX) var<storage, read> residual: array<f32>;
//#endif
@group(0) @binding(INDEX) var<storage, read_write> y: array<f32>;
struct Params {
  rows: u32,
  columns: u32,
  depth: u32,
  a_row: u32,
  a_depth: u32,
  b_depth: u32,
  b_column: u32,
  rank: u32,
  alpha: f32,
  scale: f32,
}
@group(0) @binding(INDEX) var<uniform> params: Params;

override ROW_LANES: u32 = 8u;
override COLUMN_LANES: u32 = 8u;

fn store(row: u32, column: u32, product: f32) {
  if (row >= params.rows || column >= params.columns) { return; }
  var value: f32 = params.alpha * product;
//#if COLUMN_MASK
  value = select(0.0, value, column_mask[column] != 0u);
//#endif
//#if BIAS
  value = value + bias[column];
//#endif
//#if LOW_RANK
  var low_rank: f32 = 0.0;
  for (var i: u32 = 0u; i < params.rank; i = i + 1u) {
    low_rank = low_rank + u[row * params.rank + i] * v[column * params.rank + i];
  }
  value = value + params.scale * low_rank;
//#endif
//#if RESIDUAL
  value = value + residual[row * params.columns + column];
//#endif
  y[row * params.columns + column] = value;
}

fn store4(row: u32, column: u32, product: vec4<f32>) {
  store(row, column, product.x);
  store(row, column + 1u, product.y);
  store(row, column + 2u, product.z);
  store(row, column + 3u, product.w);
}

@compute @workgroup_size(COLUMN_LANES, ROW_LANES)
fn main(
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let number = workgroup_number(group, groups);
  let tiles = (params.columns + COLUMN_LANES * 4u - 1u) / (COLUMN_LANES * 4u);
  let row = (number / tiles * ROW_LANES + local.y) * 8u;
  let column = (number % tiles * COLUMN_LANES + local.x) * 4u;
  if (row >= params.rows || column >= params.columns) { return; }

  let last_row = params.rows - 1u;
  let last_column = params.columns - 1u;
  var a0: u32 = row * params.a_row;
  var a1: u32 = min(row + 1u, last_row) * params.a_row;
  var a2: u32 = min(row + 2u, last_row) * params.a_row;
  var a3: u32 = min(row + 3u, last_row) * params.a_row;
  var a4: u32 = min(row + 4u, last_row) * params.a_row;
  var a5: u32 = min(row + 5u, last_row) * params.a_row;
  var a6: u32 = min(row + 6u, last_row) * params.a_row;
  var a7: u32 = min(row + 7u, last_row) * params.a_row;
  var b0: u32 = column * params.b_column;
  var b1: u32 = min(column + 1u, last_column) * params.b_column;
  var b2: u32 = min(column + 2u, last_column) * params.b_column;
  var b3: u32 = min(column + 3u, last_column) * params.b_column;
  var s0: vec4<f32> = vec4<f32>();
  var s1: vec4<f32> = vec4<f32>();
  var s2: vec4<f32> = vec4<f32>();
  var s3: vec4<f32> = vec4<f32>();
  var s4: vec4<f32> = vec4<f32>();
  var s5: vec4<f32> = vec4<f32>();
  var s6: vec4<f32> = vec4<f32>();
  var s7: vec4<f32> = vec4<f32>();
  for (var k: u32 = 0u; k < params.depth; k = k + 1u) {
    let columns = vec4<f32>(b[b0], b[b1], b[b2], b[b3]);
    s0 = s0 + a[a0] * columns;
    s1 = s1 + a[a1] * columns;
    s2 = s2 + a[a2] * columns;
    s3 = s3 + a[a3] * columns;
    s4 = s4 + a[a4] * columns;
    s5 = s5 + a[a5] * columns;
    s6 = s6 + a[a6] * columns;
    s7 = s7 + a[a7] * columns;
    a0 = a0 + params.a_depth;
    a1 = a1 + params.a_depth;
    a2 = a2 + params.a_depth;
    a3 = a3 + params.a_depth;
    a4 = a4 + params.a_depth;
    a5 = a5 + params.a_depth;
    a6 = a6 + params.a_depth;
    a7 = a7 + params.a_depth;
    b0 = b0 + params.b_depth;
    b1 = b1 + params.b_depth;
    b2 = b2 + params.b_depth;
    b3 = b3 + params.b_depth;
  }
  store4(row, column, s0);
  store4(row + 1u, column, s1);
  store4(row + 2u, column, s2);
  store4(row + 3u, column, s3);
  store4(row + 4u, column, s4);
  store4(row + 5u, column, s5);
  store4(row + 6u, column, s6);
  store4(row + 7u, column, s7);
}
