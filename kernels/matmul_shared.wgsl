// The product of matmul.wgsl through workgroup memory; the same bindings and parts.
// A workgroup of 8x8 covers 64x64 of y[M,N], 16 of K at a time: each invocation loads a block of 4x4 of either operand, then computes
// 2x2 blocks, half a tile apart, so that neighbours read neighbouring vectors. Edges are clamped on load.
const TILE: u32 = 64u;
// By depth, then by four rows or columns.
var<workgroup> a_tile: array<vec4<f32>, 256>;
var<workgroup> b_tile: array<vec4<f32>, 256>;

fn a_shared(at: u32) -> mat4x4<f32> {
  return transpose(mat4x4<f32>(a_tile[at], a_tile[at + 16u], a_tile[at + 32u], a_tile[at + 48u]));
}

fn b_shared(at: u32) -> mat4x4<f32> {
  return mat4x4<f32>(b_tile[at], b_tile[at + 16u], b_tile[at + 32u], b_tile[at + 48u]);
}

@compute @workgroup_size(8, 8)
fn main(
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let number = workgroup_number(group, groups);
  let across = (params.columns + TILE - 1u) / TILE;
  let tiles = (params.rows + TILE - 1u) / TILE * across;
  let part = number / tiles;
  let row = number % tiles / across * TILE;
  let column = number % tiles % across * TILE;
  let begin = part * params.part_blocks;
  let blocks = (params.depth + 3u) / 4u;
  if (begin >= blocks) { return; }
  let end = min(begin + params.part_blocks, blocks);
  let lane = local.y * 8u + local.x;
  let block = lane % 16u;
  let a0 = a_start(row + block * 4u);
  let b0 = b_start(column + block * 4u);
  let slot = lane / 16u * 64u + block;
  var s00: mat4x4<f32> = mat4x4<f32>();
  var s01: mat4x4<f32> = mat4x4<f32>();
  var s10: mat4x4<f32> = mat4x4<f32>();
  var s11: mat4x4<f32> = mat4x4<f32>();
  for (var first: u32 = begin; first < end; first = first + 4u) {
    let k = first + lane / 16u;
    var a_part: mat4x4<f32> = mat4x4<f32>();
    var b_part: mat4x4<f32> = mat4x4<f32>();
    if (k < end) {
      a_part = transpose(a_block(a0, k));
      b_part = b_block(b0, k);
    }
    workgroupBarrier();
    a_tile[slot] = a_part[0];
    a_tile[slot + 16u] = a_part[1];
    a_tile[slot + 32u] = a_part[2];
    a_tile[slot + 48u] = a_part[3];
    b_tile[slot] = b_part[0];
    b_tile[slot + 16u] = b_part[1];
    b_tile[slot + 32u] = b_part[2];
    b_tile[slot + 48u] = b_part[3];
    workgroupBarrier();
    for (var depth: u32 = 0u; depth < 256u; depth = depth + 64u) {
      let columns0 = b_shared(depth + local.x);
      let columns1 = b_shared(depth + local.x + 8u);
      let rows0 = a_shared(depth + local.y);
      let rows1 = a_shared(depth + local.y + 8u);
      s00 = update(s00, columns0, rows0);
      s01 = update(s01, columns1, rows0);
      s10 = update(s10, columns0, rows1);
      s11 = update(s11, columns1, rows1);
    }
  }
  store_block(part, row + local.y * 4u, column + local.x * 4u, s00);
  store_block(part, row + local.y * 4u, column + local.x * 4u + 32u, s01);
  store_block(part, row + local.y * 4u + 32u, column + local.x * 4u, s10);
  store_block(part, row + local.y * 4u + 32u, column + local.x * 4u + 32u, s11);
}
