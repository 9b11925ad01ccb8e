// Blocks of 4x4 of two operands, and sums of their products. Needs a binding named `params` with rows, columns, depth and the operands' strides;
// lib/half.wgsl where b is of f16, two a word (HALF_B); lib/int8.wgsl where it is of int8, four a word, with a scale a row behind them, from word b_scales
// on (INT8_B). Rows of b are depths (DEPTH_SCALES), or columns, whose sums the kernel multiplies (COLUMN_SCALES). SCALAR takes any strides. VECTOR loads 4 numbers at once and needs the depth and the
// contiguous axes to be multiples of 4: a is contiguous by A_DEPTH or A_ROWS, b by B_DEPTH or B_COLUMNS. Edges are clamped on load.
//#if SCALAR
@group(0) @binding(INDEX) var<storage, read> a: array<f32>;
//#endif
//#if SCALAR !HALF_B !INT8_B
@group(0) @binding(INDEX) var<storage, read> b: array<f32>;
//#endif
//#if SCALAR HALF_B
@group(0) @binding(INDEX) var<storage, read> b: array<u32>;
//#endif
//#if VECTOR
@group(0) @binding(INDEX) var<storage, read> a: array<vec4<f32>>;
//#endif
//#if VECTOR !HALF_B !INT8_B
@group(0) @binding(INDEX) var<storage, read> b: array<vec4<f32>>;
//#endif
//#if VECTOR HALF_B
@group(0) @binding(INDEX) var<storage, read> b: array<vec2<u32>>;
//#endif
//#if INT8_B
@group(0) @binding(INDEX) var<storage, read> b: array<u32>;
//#endif

const FOUR: vec4<u32> = vec4<u32>(0u, 1u, 2u, 3u);

// Rows or columns from `first` on, the last one repeated.
fn four(first: u32, count: u32) -> vec4<u32> {
  return min(vec4<u32>(first) + FOUR, vec4<u32>(count - 1u));
}

// Where the four vectors of a block begin.
fn a_start(row: u32) -> vec4<u32> {
//#if SCALAR
  return four(row, params.rows) * params.a_row;
//#endif
//#if A_DEPTH
  return four(row, params.rows) * (params.a_row / 4u);
//#endif
//#if A_ROWS
  return vec4<u32>(min(row, params.rows - 4u) / 4u) + FOUR * (params.a_depth / 4u);
//#endif
}

fn b_start(column: u32) -> vec4<u32> {
//#if SCALAR
  return four(column, params.columns) * params.b_column;
//#endif
//#if B_DEPTH
  return four(column, params.columns) * (params.b_column / 4u);
//#endif
//#if B_COLUMNS
  return vec4<u32>(min(column, params.columns - 4u) / 4u) + FOUR * (params.b_depth / 4u);
//#endif
}

// Element `at` of b, or four of them; int8 without its scale.
//#if SCALAR !HALF_B !INT8_B
fn b_at(at: u32) -> f32 {
  return b[at];
}
//#endif
//#if SCALAR HALF_B
fn b_at(at: u32) -> f32 {
  return half_of(b[at / 2u], at);
}
//#endif
//#if SCALAR INT8_B
fn b_at(at: u32) -> f32 {
  return signed_byte(b[at / 4u], at);
}
//#endif
//#if VECTOR !HALF_B !INT8_B
fn b_at(at: u32) -> vec4<f32> {
  return b[at];
}
//#endif
//#if VECTOR HALF_B
fn b_at(at: u32) -> vec4<f32> {
  let words = b[at];
  return vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y));
}
//#endif
//#if VECTOR INT8_B
fn b_at(at: u32) -> vec4<f32> {
  return signed_bytes(b[at]);
}
//#endif

//#if INT8_B
// Scales of four rows of b.
fn b_scales(rows: vec4<u32>) -> vec4<f32> {
  let at = rows + vec4<u32>(params.b_scales);
  return bitcast<vec4<f32>>(vec4<u32>(b[at.x], b[at.y], b[at.z], b[at.w]));
}
//#endif

// Depths 4k to 4k + 3 of a block, as stored, to what they stand for.
//#if DEPTH_SCALES
fn of_depths(block: mat4x4<f32>, k: u32) -> mat4x4<f32> {
  let scales = b_scales(four(4u * k, params.depth));
  return mat4x4<f32>(block[0] * scales.x, block[1] * scales.y, block[2] * scales.z, block[3] * scales.w);
}
//#endif
//#if !DEPTH_SCALES
fn of_depths(block: mat4x4<f32>, k: u32) -> mat4x4<f32> {
  return block;
}
//#endif

//#if SCALAR
fn a_depths(start: u32, at: vec4<u32>, inside: vec4<bool>) -> vec4<f32> {
  return select(vec4<f32>(), vec4<f32>(a[start + at.x], a[start + at.y], a[start + at.z], a[start + at.w]), inside);
}

fn b_depths(start: u32, at: vec4<u32>, inside: vec4<bool>) -> vec4<f32> {
  return select(vec4<f32>(), vec4<f32>(b_at(start + at.x), b_at(start + at.y), b_at(start + at.z), b_at(start + at.w)), inside);
}
//#endif

// Four rows at depths 4k to 4k + 3: column i holds row i.
fn a_block(start: vec4<u32>, k: u32) -> mat4x4<f32> {
//#if SCALAR
  let at = four(4u * k, params.depth) * params.a_depth;
  let inside = vec4<u32>(4u * k) + FOUR < vec4<u32>(params.depth);
  return mat4x4<f32>(
    a_depths(start.x, at, inside),
    a_depths(start.y, at, inside),
    a_depths(start.z, at, inside),
    a_depths(start.w, at, inside),
  );
//#endif
//#if A_DEPTH
  let at = start + vec4<u32>(k);
  return mat4x4<f32>(a[at.x], a[at.y], a[at.z], a[at.w]);
//#endif
//#if A_ROWS
  let at = start + vec4<u32>(k * params.a_depth);
  return transpose(mat4x4<f32>(a[at.x], a[at.y], a[at.z], a[at.w]));
//#endif
}

// Four columns at depths 4k to 4k + 3: column i holds depth 4k + i.
fn b_block(start: vec4<u32>, k: u32) -> mat4x4<f32> {
//#if SCALAR
  let at = four(4u * k, params.depth) * params.b_depth;
  let inside = vec4<u32>(4u * k) + FOUR < vec4<u32>(params.depth);
  return of_depths(transpose(mat4x4<f32>(
    b_depths(start.x, at, inside),
    b_depths(start.y, at, inside),
    b_depths(start.z, at, inside),
    b_depths(start.w, at, inside),
  )), k);
//#endif
//#if B_DEPTH
  let at = start + vec4<u32>(k);
  return transpose(mat4x4<f32>(b_at(at.x), b_at(at.y), b_at(at.z), b_at(at.w)));
//#endif
//#if B_COLUMNS
  let at = start + vec4<u32>(k * params.b_depth);
  return of_depths(mat4x4<f32>(b_at(at.x), b_at(at.y), b_at(at.z), b_at(at.w)), k);
//#endif
}

// A row of a block of sums; written out so that each term is a multiply-add.
fn update_row(sum: vec4<f32>, columns: mat4x4<f32>, row: vec4<f32>) -> vec4<f32> {
  return sum + columns[0] * row.x + columns[1] * row.y + columns[2] * row.z + columns[3] * row.w;
}

// Column i of `sum` is row i of a block of the product.
fn update(sum: mat4x4<f32>, columns: mat4x4<f32>, rows: mat4x4<f32>) -> mat4x4<f32> {
  return mat4x4<f32>(
    update_row(sum[0], columns, rows[0]),
    update_row(sum[1], columns, rows[1]),
    update_row(sum[2], columns, rows[2]),
    update_row(sum[3], columns, rows[3]),
  );
}
