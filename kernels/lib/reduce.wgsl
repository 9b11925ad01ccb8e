// Sums and maxima over the invocations of a workgroup of LANES (a power of two). Every invocation must call them.
override LANES: u32 = 64u;
var<workgroup> reduction: array<f32, LANES>;

fn workgroup_sum(value: f32, lane: u32) -> f32 {
  workgroupBarrier();
  reduction[lane] = value;
  workgroupBarrier();
  for (var width: u32 = LANES / 2u; width > 0u; width = width / 2u) {
    if (lane < width) { reduction[lane] = reduction[lane] + reduction[lane + width]; }
    workgroupBarrier();
  }
  return reduction[0];
}

fn workgroup_max(value: f32, lane: u32) -> f32 {
  workgroupBarrier();
  reduction[lane] = value;
  workgroupBarrier();
  for (var width: u32 = LANES / 2u; width > 0u; width = width / 2u) {
    if (lane < width) { reduction[lane] = max(reduction[lane], reduction[lane + width]); }
    workgroupBarrier();
  }
  return reduction[0];
}
