// What the gradient of attention reads of each row, statistics[B,2H+1,T], overwritten: row h is log_sum_exp[b,h,:], row H + h is
// sum over d of context[b,:,h,d] dcontext[b,:,h,d], and row 2H is mask[b,:].
// mask [B,T], context, dcontext [B,T,H,D], log_sum_exp [B,H,T].
// An invocation computes one element.
@group(0) @binding(INDEX) var<storage, read> mask: array<u32>;
@group(0) @binding(INDEX) var<storage, read> context: array<f32>;
@group(0) @binding(INDEX) var<storage, read> dcontext: array<f32>;
@group(0) @binding(INDEX) var<storage, read> log_sum_exp: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> statistics: array<f32>;
struct Params {
  count: u32,
  heads: u32,
  tokens: u32,
  head_size: u32,
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
  let row = i / params.tokens;
  let token = i % params.tokens;
  let part = row % (2u * params.heads + 1u);
  let batch = row / (2u * params.heads + 1u);
  var value: f32 = 0.0;
  if (part < params.heads) {
    value = log_sum_exp[(batch * params.heads + part) * params.tokens + token];
  } else if (part < 2u * params.heads) {
    let start = ((batch * params.tokens + token) * params.heads + part - params.heads) * params.head_size;
    for (var d: u32 = 0u; d < params.head_size; d = d + 1u) {
      value = value + context[start + d] * dcontext[start + d];
    }
  } else {
    value = f32(mask[batch * params.tokens + token]);
  }
  statistics[i] = value;
}
