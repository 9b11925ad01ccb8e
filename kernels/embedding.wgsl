// y[n,c] = table[ids[n],c], overwritten. table[V,C], ids[N], y[N,C]. With HALF_TABLE the table is of f16, two a word;
// with INT8_TABLE of int8, four a word, with a scale a row behind them, from word `scales` on.
// With PART the table is bound in part, from first_row on: rows of ids beyond it stay as they are. An invocation covers one element.
//#if !HALF_TABLE !INT8_TABLE
@group(0) @binding(INDEX) var<storage, read> table: array<f32>;
//#endif
//#if HALF_TABLE
@group(0) @binding(INDEX) var<storage, read> table: array<u32>;
//#endif
//#if INT8_TABLE
@group(0) @binding(INDEX) var<storage, read> table: array<u32>;
//#endif
@group(0) @binding(INDEX) var<storage, read> ids: array<u32>;
@group(0) @binding(INDEX) var<storage, read_write> y: array<f32>;
struct Params {
  count: u32,
  width: u32,
//#if INT8_TABLE
  scales: u32,
//#endif
//#if PART
  first_row: u32,
  part_rows: u32,
//#endif
}
@group(0) @binding(INDEX) var<uniform> params: Params;

@compute @workgroup_size(256)
fn main(
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = workgroup_number(group, groups) * 256u + local.x;
  if (i >= params.count) { return; }
//#if PART
  let id = ids[i / params.width] - params.first_row;
  if (id >= params.part_rows) { return; }
//#endif
//#if !PART
  let id = ids[i / params.width];
//#endif
  let at = id * params.width + i % params.width;
//#if !HALF_TABLE !INT8_TABLE
  y[i] = table[at];
//#endif
//#if HALF_TABLE
  y[i] = half_of(table[at / 2u], at);
//#endif
//#if INT8_TABLE
  y[i] = signed_byte(table[at / 4u], at) * bitcast<f32>(table[params.scales + id]);
//#endif
}
