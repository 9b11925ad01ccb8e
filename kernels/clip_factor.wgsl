// factor[0] = min(1, limit / (norm + 1e-6)) with norm = sqrt(sum of sums), 1 where no limit is set, as PyTorch's clip_grad_norm_;
// factor[1] = norm. Overwritten. sums[count], settings (lib/settings.wgsl), factor[2].
// One workgroup covers all.
@group(0) @binding(INDEX) var<storage, read> sums: array<f32>;
@group(0) @binding(INDEX) var<storage, read> settings: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> factor: array<f32>;
struct Params {
  count: u32,
}
@group(0) @binding(INDEX) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3<u32>) {
  var sum: f32 = 0.0;
  for (var i: u32 = local.x; i < params.count; i = i + LANES) { sum = sum + sums[i]; }
  let norm = sqrt(workgroup_sum(sum, local.x));
  if (local.x == 0u) {
    let limit = settings[6];
    factor[0] = select(1.0, min(1.0, limit / (norm + 1e-6)), limit > 0.0);
    factor[1] = norm;
  }
}
