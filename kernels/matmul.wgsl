// y[M,N] = keep(n) alpha op(a)[M,K] op(b)[K,N] + bias[N] + scale u[M,r] v[N,r]^T + residual[M,N], overwritten.
// op(a), op(b) are given by strides; keep selects columns by mask[N]. What an op leaves out is cut from the text.
// SCALAR takes any strides. VECTOR loads 4 numbers at once and needs K and the contiguous axes to be multiples of 4: a is contiguous by
// A_DEPTH or A_ROWS, b by B_DEPTH or B_COLUMNS.
// An invocation computes 8 rows x 4 columns in registers; a workgroup ROW_LANES x COLUMN_LANES of those. Edges are clamped on load.
//#if SCALAR
@group(0) @binding(INDEX) var<storage, read> a: array<f32>;
@group(0) @binding(INDEX) var<storage, read> b: array<f32>;
//#endif
//#if VECTOR
@group(0) @binding(INDEX) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(INDEX) var<storage, read> b: array<vec4<f32>>;
//#endif
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

// Four rows: column i of the matrix is row i of the product.
fn store4x4(row: u32, column: u32, product: mat4x4<f32>) {
  store4(row, column, product[0]);
  store4(row + 1u, column, product[1]);
  store4(row + 2u, column, product[2]);
  store4(row + 3u, column, product[3]);
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
  var upper: mat4x4<f32> = mat4x4<f32>();
  var lower: mat4x4<f32> = mat4x4<f32>();
//#if SCALAR
  for (var k: u32 = 0u; k < params.depth; k = k + 1u) {
    let columns = vec4<f32>(b[b0], b[b1], b[b2], b[b3]);
    upper = upper + mat4x4<f32>(a[a0] * columns, a[a1] * columns, a[a2] * columns, a[a3] * columns);
    lower = lower + mat4x4<f32>(a[a4] * columns, a[a5] * columns, a[a6] * columns, a[a7] * columns);
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
//#endif
//#if A_DEPTH
  a0 = a0 / 4u;
  a1 = a1 / 4u;
  a2 = a2 / 4u;
  a3 = a3 / 4u;
  a4 = a4 / 4u;
  a5 = a5 / 4u;
  a6 = a6 / 4u;
  a7 = a7 / 4u;
//#endif
//#if A_ROWS
  a0 = a0 / 4u;
  a4 = a4 / 4u;
  let a_step = params.a_depth / 4u;
//#endif
//#if B_DEPTH
  b0 = b0 / 4u;
  b1 = b1 / 4u;
  b2 = b2 / 4u;
  b3 = b3 / 4u;
//#endif
//#if B_COLUMNS
  b0 = b0 / 4u;
  let b_step = params.b_depth / 4u;
//#endif
//#if VECTOR
  for (var k: u32 = 0u; k < params.depth / 4u; k = k + 1u) {
//#endif
//#if B_DEPTH
    let columns = transpose(mat4x4<f32>(b[b0 + k], b[b1 + k], b[b2 + k], b[b3 + k]));
//#endif
//#if B_COLUMNS
    let columns = mat4x4<f32>(b[b0], b[b0 + b_step], b[b0 + 2u * b_step], b[b0 + 3u * b_step]);
    b0 = b0 + 4u * b_step;
//#endif
//#if A_DEPTH
    upper = upper + columns * mat4x4<f32>(a[a0 + k], a[a1 + k], a[a2 + k], a[a3 + k]);
    lower = lower + columns * mat4x4<f32>(a[a4 + k], a[a5 + k], a[a6 + k], a[a7 + k]);
//#endif
//#if A_ROWS
    upper = upper + columns * transpose(mat4x4<f32>(a[a0], a[a0 + a_step], a[a0 + 2u * a_step], a[a0 + 3u * a_step]));
    lower = lower + columns * transpose(mat4x4<f32>(a[a4], a[a4 + a_step], a[a4 + 2u * a_step], a[a4 + 3u * a_step]));
    a0 = a0 + 4u * a_step;
    a4 = a4 + 4u * a_step;
//#endif
//#if VECTOR
  }
//#endif
  store4x4(row, column, upper);
  store4x4(row + 4u, column, lower);
}
